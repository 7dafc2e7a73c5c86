import { PerSQLError } from './errors.ts'
import type { QueryResult, SqlErrorDetail } from './types.ts'

/** A JSON Schema of an object. */
export interface ObjectSchema {
  type: 'object'
  properties: Record<string, unknown>
  required: string[]
  additionalProperties: false
  [key: string]: unknown
}

/** How a tool answers and presents itself. */
export interface ToolOptions {
  /** More rows than this a model does not get to see. */
  maxRows?: number
  description?: string
}

/** What a tool answers: JSON that a model can read. */
export type ToolResult =
  | { columns: string[]; rows: unknown[][]; rowCount: number; truncated?: true; changes?: number }
  | { error: string; code: string; errorDetail?: SqlErrorDetail; approvalUrl?: string; approvalToken?: string }

/** A schema as Vercel's AI SDK and Mastra take it: both their own form and Standard Schema. */
interface StandardObjectSchema {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: 'persql'
    readonly validate: (value: unknown) => { value: Record<string, unknown> }
    readonly jsonSchema: { input: () => Record<string, unknown>; output: () => Record<string, unknown> }
  }
}

/** A tool, in the form of each framework. `run` does what it is for. */
export interface Tool {
  readonly name: string
  readonly description: string
  readonly inputSchema: ObjectSchema
  run(input: unknown): Promise<unknown>
  /** For `tools` of Anthropic's Messages API. */
  readonly anthropic: { name: string; description: string; input_schema: ObjectSchema }
  /** For `tools` of OpenAI's Chat Completions. */
  readonly openai: { type: 'function'; function: { name: string; description: string; parameters: ObjectSchema } }
  /** For `tools` of Vercel's AI SDK. */
  aiSdk(): {
    description: string
    inputSchema: StandardObjectSchema
    execute: (input: Record<string, unknown>) => Promise<unknown>
  }
  /** For `createTool` of Mastra. */
  mastra(): {
    id: string
    description: string
    inputSchema: StandardObjectSchema
    execute: (input: Record<string, unknown>) => Promise<unknown>
  }
  /** For `new DynamicStructuredTool()` of LangChain. */
  langchain(): {
    name: string
    description: string
    schema: ObjectSchema
    func: (input: Record<string, unknown>) => Promise<string>
  }
}

/** Several tools, in the form of each framework. */
export interface Toolbox {
  readonly tools: readonly Tool[]
  readonly anthropic: Tool['anthropic'][]
  readonly openai: Tool['openai'][]
  aiSdk(): Record<string, ReturnType<Tool['aiSdk']>>
  mastra(): Record<string, ReturnType<Tool['mastra']>>
  langchain(): ReturnType<Tool['langchain']>[]
  /** Runs the tool of that name. */
  run(name: string, input: unknown): Promise<unknown>
}

/** Declares a tool. */
export function toolOf(
  name: string,
  description: string,
  properties: Record<string, unknown>,
  required: string[],
  run: (input: Record<string, unknown>) => Promise<unknown>,
): Tool {
  const schema: ObjectSchema = { type: 'object', properties, required, additionalProperties: false }
  const execute = async (input: unknown) => {
    const given = typeof input === 'string' ? JSON.parse(input || '{}') : (input ?? {})
    const missing = required.filter((field) => given[field] === undefined)
    if (missing.length > 0) return { error: `Give ${missing.join(', ')}.`, code: 'invalid_input' }
    return run(given)
  }
  const standard = {
    '~standard': {
      version: 1,
      vendor: 'persql',
      validate: (value: unknown) => ({ value: value as Record<string, unknown> }),
      jsonSchema: { input: () => schema, output: () => schema },
    },
    // What versions of the AI SDK before Standard Schema look for.
    [Symbol.for('vercel.ai.schema')]: true,
    jsonSchema: schema,
    validate: (value: unknown) => ({ success: true, value }),
  } as const
  return {
    name,
    description,
    inputSchema: schema,
    run: execute,
    anthropic: { name, description, input_schema: schema },
    openai: { type: 'function', function: { name, description, parameters: schema } },
    aiSdk: () => ({ description, inputSchema: standard, execute }),
    // Mastra before version 1 hands the input over as `context`.
    mastra: () => ({
      id: name,
      description,
      inputSchema: standard,
      execute: (input) => execute(required.every((field) => field in input) ? input : (input.context ?? input)),
    }),
    langchain: () => ({ name, description, schema, func: async (input) => JSON.stringify(await execute(input)) }),
  }
}

/** Puts tools together. */
export function toolbox(tools: readonly Tool[]): Toolbox {
  const byName = <T>(form: (tool: Tool) => T) => Object.fromEntries(tools.map((tool) => [tool.name, form(tool)]))
  return {
    tools,
    anthropic: tools.map((tool) => tool.anthropic),
    openai: tools.map((tool) => tool.openai),
    aiSdk: () => byName((tool) => tool.aiSdk()),
    mastra: () => byName((tool) => tool.mastra()),
    langchain: () => tools.map((tool) => tool.langchain()),
    run: async (name, input) => {
      const tool = tools.find((one) => one.name === name)
      return tool ? tool.run(input) : { error: `There is no tool "${name}".`, code: 'tool_not_found' }
    },
  }
}

/** A result as a model gets it; refusals that it can mend are answered, all others thrown. */
export async function toolResult(
  run: () => Promise<QueryResult>,
  { maxRows = 100 }: ToolOptions = {},
): Promise<ToolResult> {
  return mendable(async () => {
    const { columns, rows, changes } = await run()
    const shown = rows
      .slice(0, maxRows)
      .map((row) => row.map((value) => (value instanceof Uint8Array ? `<${value.length} bytes>` : value)))
    const truncated = rows.length > maxRows ? ({ truncated: true } as const) : {}
    return { columns, rows: shown, rowCount: rows.length, ...truncated, ...(changes !== undefined && { changes }) }
  })
}

/** Answers the failures that a model can do something about. */
export async function mendable<T>(run: () => Promise<T>) {
  try {
    return await run()
  } catch (cause) {
    if (!(cause instanceof PerSQLError) || ![400, 403, 404, 408, 409].includes(cause.status)) throw cause
    const { errorDetail, approvalUrl, approvalToken } = cause.body as Partial<Record<string, never>>
    return { error: cause.message, code: cause.code, errorDetail, approvalUrl, approvalToken }
  }
}
