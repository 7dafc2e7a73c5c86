import type { CallToolResult } from '@modelcontextprotocol/server'
import { type api, type Output, type PageMeta, PerSQLError } from '@persql/contract'
import { refuse } from '../reply.ts'
import { coreDefinitions } from './core-definitions.ts'
import { succeeded, toCallResult } from './result.ts'
import type { Session } from './session.ts'
import { type Definition, getTool, type Tool, toolNames } from './tools.ts'

/** A tool of the short list that gives access to other tools. */
export interface CoreTool {
  readonly definition: Definition
  run(input: Readonly<Record<string, unknown>>, session: Session): CallToolResult | Promise<CallToolResult>
}

const MAX_FOUND = 5

/** The tools of the short list besides `query` and `batch`, by name. */
export const coreTools: Readonly<Record<string, CoreTool>> = {
  describe: {
    definition: coreDefinitions.describe,
    run: ({ database }, session) => (database === undefined ? listDatabases(session) : describe(database, session)),
  },
  find_tools: {
    definition: coreDefinitions.find_tools,
    run: ({ words }, session) => succeededPlainly(find(String(words), session)),
  },
  call_tool: {
    definition: coreDefinitions.call_tool,
    run: async ({ name, arguments: given = {} }, session) => {
      const tool = session.tool(String(name))
      if (!tool) return refusal(`Tool "${String(name).slice(0, 80)}" not found. Call find_tools to list tools.`)
      return toCallResult(await session.run(tool, given as Record<string, unknown>), session.ctx.baseUrl)
    },
  },
}

/** Checks the arguments of a core tool, then runs it. A `null` argument counts as missing. */
export function runFacade(
  facade: CoreTool,
  given: Readonly<Record<string, unknown>>,
  session: Session,
): CallToolResult | Promise<CallToolResult> {
  const input = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
  const problem = facadeProblem(facade, input)
  return problem === undefined ? facade.run(input, session) : refusal(problem)
}

/** Returns the problem with the arguments, or `undefined`. */
function facadeProblem({ definition }: CoreTool, given: Readonly<Record<string, unknown>>): string | undefined {
  const properties = definition.inputSchema.properties as Record<string, { type: string }>
  const required = (definition.inputSchema.required ?? []) as string[]
  const missing = required.find((name) => given[name] === undefined)
  if (missing) return `Missing argument "${missing}".`
  for (const [name, value] of Object.entries(given)) {
    const wanted = properties[name]?.type
    if (!wanted) return `Unknown argument "${name.slice(0, 80)}". Allowed: ${Object.keys(properties).join(', ')}.`
    if (Array.isArray(value) || typeof value !== wanted) return `"${name}" must be of type ${wanted}.`
  }
  return undefined
}

/** Creates the result for invalid arguments, with the same message as `/v1`. */
const refusal = (problem: string): CallToolResult =>
  toCallResult(refuse(new PerSQLError('invalid_input', { problem })), '')

async function listDatabases(session: Session): Promise<CallToolResult> {
  const reply = await session.execute('list_databases', {})
  if (reply.code !== undefined) return toCallResult(reply, session.ctx.baseUrl)
  const { data, meta } = JSON.parse(reply.body) as { data: Output<typeof api.list_databases>; meta: PageMeta }
  const databases = data.map(({ slug }) => slug)
  // The tool `list_databases` returns the others.
  return succeeded(meta.nextCursor === null ? { databases } : { databases, ...meta })
}

/** Returns the schema as SQL, the shortest form and the one that AI models read best. */
async function describe(database: unknown, session: Session): Promise<CallToolResult> {
  const reply = await session.run(getTool('get_schema') as Tool, { database })
  if (reply.code !== undefined) return toCallResult(reply, session.ctx.baseUrl)
  const { data } = JSON.parse(reply.body) as { data: Output<typeof api.get_schema> }
  const indexes = data.tables.flatMap((table) => table.indexes.map(({ sql }) => ({ sql })))
  const statements = [...data.tables, ...indexes, ...data.views, ...data.triggers].map(({ sql }) => sql)
  return succeeded({ schema: statements.filter(Boolean).join(';\n') })
}

/** Returns the tools whose name or description matches most words, with their schemas, and the names of all others. */
function find(words: string, { profile }: Session): Record<string, unknown> {
  const wanted = (words.toLowerCase().match(/[a-z]{3,}/g) ?? []).map((word) => word.replace(/(es|s)$/, ''))
  const ranked = toolNames(profile.readonly)
    .map((name) => {
      const { definition, group } = getTool(name) as Tool
      const about = `${name} ${group} ${definition.description}`.toLowerCase().match(/[a-z]+/g) ?? []
      const hits = wanted.filter((word) => about.some((each) => each.startsWith(word)))
      return { definition, score: hits.length + hits.filter((word) => name.includes(word)).length }
    })
    .sort((a, b) => b.score - a.score)
  const found = ranked.filter(({ score }) => score > 0).slice(0, MAX_FOUND)
  return {
    tools: found.map(({ definition: { name, description, inputSchema, annotations } }) => ({
      name,
      description,
      inputSchema,
      annotations,
    })),
    others: ranked.slice(found.length).map(({ definition }) => definition.name),
  }
}

/** Creates a result without a fence, because nothing in it comes from a database. */
const succeededPlainly = (data: Record<string, unknown>): CallToolResult => ({
  content: [{ type: 'text', text: JSON.stringify(data) }],
  structuredContent: data,
})
