import type { Row, SqlErrorDetail } from './types.ts'

/** A JSON Schema of an object. */
export interface ObjectSchema {
  type: 'object'
  properties: Record<string, unknown>
  required: string[]
  additionalProperties: false
  [key: string]: unknown
}

/** The options of a tool. */
export interface ToolOptions {
  /** Maximum number of rows that the AI model sees. */
  maxRows?: number
  description?: string
}

/** A result for an AI model: rows as JSON, bytes as their length. */
export interface ToolRows {
  columns: string[]
  rows: unknown[][]
  rowCount: number
  /** Whether there are more than `maxRows` rows. */
  truncated?: true
  changes?: number
}

/** An error that an AI model can fix. */
export interface ToolError {
  error: string
  code: string
  errorDetail?: SqlErrorDetail
  approvalUrl?: string
  approvalToken?: string
}

/** The fields of other shapes, which this one can't have. */
type Without<Shape> = { [Field in keyof Shape]?: undefined }

/** The result of `db.runTool()`, with the rows as objects in `data`. */
export type ToolResult =
  | (ToolRows & { data: Row[] } & Without<ToolError>)
  | (ToolError & Without<ToolRows & { data: Row[] }>)

/** A schema in the formats of Vercel's AI SDK, of Mastra and of Standard Schema. */
interface StandardObjectSchema {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: 'persql'
    readonly validate: (value: unknown) => { value: Record<string, unknown> }
    readonly jsonSchema: { input: () => Record<string, unknown>; output: () => Record<string, unknown> }
  }
}

/** A tool in the format of each framework. `run` calls it. */
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

/** A tool in the format of Vercel's AI SDK. */
export interface AiSdkTool {
  description: string
  inputSchema: StandardObjectSchema
  execute: (input: Record<string, unknown>) => Promise<unknown>
}

/** A tool in the format of Mastra. */
export interface MastraTool extends AiSdkTool {
  id: string
}

/** Several tools in the format of each framework. */
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

/** Runs a tool with an object or its JSON, after checking that it has the required fields. */
export type RunTool = (input: unknown, required: readonly string[]) => Promise<unknown>

/** Declares a tool. */
export function createTool<Name extends string>(
  name: Name,
  description: string,
  properties: Record<string, unknown>,
  required: string[],
  run: RunTool,
): Tool<Name> {
  const schema: ObjectSchema = { type: 'object', properties, required, additionalProperties: false }
  const execute = (input: unknown) => run(input, required)
  const standard = {
    '~standard': {
      version: 1,
      vendor: 'persql',
      validate: (value: unknown) => ({ value: value as Record<string, unknown> }),
      jsonSchema: { input: () => schema, output: () => schema },
    },
    // For versions of the AI SDK before Standard Schema.
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
    // Mastra before version 1 passes the input as `context`.
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

/** Combines tools. */
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
      return tool ? tool.run(input) : { error: `Tool "${name}" not found.`, code: 'tool_not_found' }
    },
  }
}
