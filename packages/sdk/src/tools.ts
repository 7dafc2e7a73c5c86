import type { Row, SqlErrorDetail } from './types.ts'

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

/** Rows as JSON that a model can read: bytes as their number. */
export interface ToolRows {
  columns: string[]
  rows: unknown[][]
  rowCount: number
  /** There are more rows than `maxRows`. */
  truncated?: true
  changes?: number
}

/** A refusal that a model can act on. */
export interface ToolError {
  error: string
  code: string
  errorDetail?: SqlErrorDetail
  approvalUrl?: string
  approvalToken?: string
}

/** The fields that only another shape has. */
type Without<Shape> = { [Field in keyof Shape]?: undefined }

/** The result of `db.runTool()`. `data` has the rows as objects, which tools leave out for models. */
export type ToolResult =
  | (ToolRows & { data: Row[] } & Without<ToolError>)
  | (ToolError & Without<ToolRows & { data: Row[] }>)

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
export interface Tool<Name extends string = string> {
  readonly name: Name
  readonly description: string
  readonly inputSchema: ObjectSchema
  run(input: unknown): Promise<unknown>
  /** For `tools` of Anthropic's Messages API. */
  readonly anthropic: { name: string; description: string; input_schema: ObjectSchema }
  /** For `tools` of OpenAI's Chat Completions. */
  readonly openai: { type: 'function'; function: { name: string; description: string; parameters: ObjectSchema } }
  /** For `tools` of Vercel's AI SDK: the tool under its name. */
  aiSdk(): Record<Name, AiSdkTool>
  /** For `tools` of a Mastra agent: the tool under its name. */
  mastra(): Record<Name, MastraTool>
  /** For `new DynamicStructuredTool()` of LangChain. */
  langchain(): {
    name: string
    description: string
    schema: ObjectSchema
    func: (input: Record<string, unknown>) => Promise<string>
  }
}

/** A tool as Vercel's AI SDK takes it. */
export interface AiSdkTool {
  description: string
  inputSchema: StandardObjectSchema
  execute: (input: Record<string, unknown>) => Promise<unknown>
}

/** A tool as Mastra takes it. */
export interface MastraTool extends AiSdkTool {
  id: string
}

/** Several tools, in the form of each framework. */
export interface Toolbox {
  readonly tools: readonly Tool[]
  readonly anthropic: Tool['anthropic'][]
  readonly openai: Tool['openai'][]
  aiSdk(): Record<string, AiSdkTool>
  mastra(): Record<string, MastraTool>
  langchain(): ReturnType<Tool['langchain']>[]
  /** Runs the tool of that name. */
  run(name: string, input: unknown): Promise<unknown>
}

/** Declares a tool. */
export function toolOf<Name extends string>(
  name: Name,
  description: string,
  properties: Record<string, unknown>,
  required: string[],
  run: (input: Record<string, unknown>) => Promise<unknown>,
): Tool<Name> {
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
  const named = <T>(tool: T) => ({ [name]: tool }) as Record<Name, T>
  return {
    name,
    description,
    inputSchema: schema,
    run: execute,
    anthropic: { name, description, input_schema: schema },
    openai: { type: 'function', function: { name, description, parameters: schema } },
    aiSdk: () => named({ description, inputSchema: standard, execute }),
    // Mastra before version 1 hands the input over as `context`.
    mastra: () =>
      named({
        id: name,
        description,
        inputSchema: standard,
        execute: (input: Record<string, unknown>) =>
          execute(required.every((field) => field in input) ? input : (input.context ?? input)),
      }),
    langchain: () => ({ name, description, schema, func: async (input) => JSON.stringify(await execute(input)) }),
  }
}

/** Puts tools together. */
export function toolbox(tools: readonly Tool[]): Toolbox {
  const merged = <T>(form: (tool: Tool) => Record<string, T>): Record<string, T> =>
    Object.assign({}, ...tools.map(form))
  return {
    tools,
    anthropic: tools.map((tool) => tool.anthropic),
    openai: tools.map((tool) => tool.openai),
    aiSdk: () => merged((tool) => tool.aiSdk()),
    mastra: () => merged((tool) => tool.mastra()),
    langchain: () => tools.map((tool) => tool.langchain()),
    run: async (name, input) => {
      const tool = tools.find((one) => one.name === name)
      return tool ? tool.run(input) : { error: `There is no tool "${name}".`, code: 'tool_not_found' }
    },
  }
}
