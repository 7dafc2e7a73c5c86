import { type Api, api, PerSQLError, route } from '@persql/contract'
import { describeIssue, toSentence } from '@persql/endpoint-spec'
import type * as z from 'zod'
import { execute } from '../api/execute.ts'
import type { Context } from '../context.ts'
import { type Reply, readBody, refuseRequest } from '../reply.ts'
import { isNullLeftOut, withoutNulls } from './nulls.ts'
import type { Profile } from './tool-profile.ts'
import { getTool, reachable, type Tool } from './tools.ts'

/** The state of one MCP request: its caller, its profile and its outcome. */
export class Session {
  readonly ctx: Context
  readonly namespace: string
  readonly profile: Profile
  /** The last operation, for the log. */
  operation: keyof Api | undefined
  /** The error code of that operation. */
  code: Reply['code']
  /** The response to a call that needs another token. */
  unauthorized: Reply | undefined

  constructor(ctx: Context, namespace: string, profile: Profile) {
    // The authorizer of the database enforces the role for every statement.
    this.ctx = profile.readonly ? { ...ctx, atMost: 'readonly' } : ctx
    this.namespace = namespace
    this.profile = profile
  }

  /** Returns a tool that this caller can call, listed or not. */
  tool(name: string): Tool | undefined {
    return reachable(name, this.profile.readonly) && getTool(name)
  }

  /** Runs a tool with its arguments, as `/v1` runs the operation. */
  async run(tool: Tool, given: Readonly<Record<string, unknown>>): Promise<Reply> {
    try {
      return await this.execute(tool.row.operation, parseArguments(tool, given))
    } catch (cause) {
      return this.#note(refuseRequest(cause, this.ctx.requestId))
    }
  }

  /** Runs an operation in the caller's namespace. */
  async execute(name: keyof Api, input: Record<string, unknown>): Promise<Reply> {
    const { params, inQuery } = getRoute(name)
    const inPath = Object.fromEntries(params.map((field) => [field, field === 'ns' ? this.namespace : input[field]]))
    const rest = Object.fromEntries(Object.entries(input).filter(([field]) => !params.includes(field)))
    this.operation = name
    const reply = await execute(
      name,
      'bearer',
      {
        params: inQuery ? { ...rest, ...inPath } : inPath,
        body: async () => JSON.stringify(rest),
        replayKeys: async () => undefined,
        // No tool uploads a file.
        upload: () => Promise.reject(new PerSQLError('internal')),
      },
      this.ctx,
    )
    const { rest: _, ...whole } = { ...reply, body: await readBody(reply) }
    return this.#note(whole)
  }

  #note(reply: Reply): Reply {
    this.code = reply.code
    if (reply.status === 401) this.unauthorized = reply
    return reply
  }
}

const routes = new Map<keyof Api, ReturnType<typeof route>>()

/** Returns the route of an operation. Routes are cached. */
function getRoute(name: keyof Api): ReturnType<typeof route> {
  let known = routes.get(name)
  if (!known) {
    known = route(api[name])
    routes.set(name, known)
  }
  return known
}

/**
 * Converts a tool's arguments to the operation's input. Unknown arguments are errors; `null` for an optional argument
 * is ignored.
 * @throws PerSQLError `invalid_input`
 */
function parseArguments(
  { fields, row, operation }: Tool,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const input: Record<string, unknown> = {}
  for (const [argument, value] of Object.entries(given)) {
    const field = fields.get(argument)
    if (field === undefined) {
      const list = fields.size > 0 ? `Allowed: ${[...fields.keys()].join(', ')}.` : 'No arguments are allowed.'
      throw refused(`Unknown argument "${argument.slice(0, 80)}". ${list}`)
    }
    input[field] = value
  }
  const { shape } = row.input ?? operation.input
  for (const [field, value] of Object.entries(input)) {
    const schema = shape[field] as z.ZodType
    if (value === null && isNullLeftOut(schema)) delete input[field]
    else input[field] = withoutNulls(schema, value)
  }
  for (const [argument, field] of fields) {
    // Check renamed arguments here, so that an error names the argument that was sent.
    if (row.input || argument !== field) check(argument, shape[field], input[field])
  }
  return row.convert ? row.convert(input) : input
}

function check(argument: string, schema: Tool['operation']['input']['shape'][string] | undefined, value: unknown) {
  const result = schema?.safeParse(value, { error: describeIssue(schema as z.ZodType) })
  const [issue] = result?.error?.issues ?? []
  if (issue) throw refused(toSentence({ path: [argument, ...issue.path], message: issue.message }))
}

const refused = (problem: string) => new PerSQLError('invalid_input', { problem })
