import type Anthropic from '@anthropic-ai/sdk'
import { DynamicStructuredTool } from '@langchain/core/tools'
import { generateText, type ToolSet } from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import type OpenAI from 'openai'
import { expect, test } from 'vitest'
import { PerSQL } from '../src/index.ts'

/** Creates a client that returns one row for every statement. */
function database() {
  const sent: unknown[] = []
  const fetch = (async (_url: string, { body }: RequestInit) => {
    sent.push(JSON.parse(String(body)))
    return Response.json({ success: true, data: { columns: ['n'], rows: [[1]], rowsRead: 1, rowsWritten: 0 } })
  }) as typeof globalThis.fetch
  return { db: new PerSQL({ token: 't', fetch }).database('acme/main'), sent }
}
const answer = { columns: ['n'], rows: [[1]], rowCount: 1 }

test('the formats for Anthropic and OpenAI match the types of their libraries', () => {
  const { db } = database()
  const anthropic: Anthropic.Tool[] = [db.asTool('query').anthropic, ...db.asTools().anthropic]
  const openai: OpenAI.ChatCompletionTool[] = [db.asTool('query').openai, ...db.asTools().openai]
  expect(anthropic[0]).toMatchObject({ name: 'query', input_schema: { type: 'object', required: ['sql'] } })
  expect(openai[0]).toMatchObject({ type: 'function', function: { name: 'query', parameters: { required: ['sql'] } } })
  const names = db.asTools().tools.map(({ name }) => name)
  expect(anthropic.slice(1).map(({ name }) => name)).toEqual(names)
  expect(names).toEqual(
    expect.arrayContaining(['list_tables', 'insert_rows', 'validate_sql', 'propose_mutation', 'apply_mutation']),
  )
  expect(names.every((name) => /^[a-z_]{1,64}$/.test(name))).toBe(true)
})

test("Vercel's AI SDK calls the tool and passes its result to the model", async () => {
  const { db, sent } = database()
  const tools: ToolSet = { ...db.asTool().aiSdk(), ...db.asTools().aiSdk() }
  const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } }
  const model = new MockLanguageModelV4({
    doGenerate: async ({ tools: offered }) => {
      const query = offered?.find((tool) => tool.name === 'query')
      expect(query).toMatchObject({ inputSchema: { properties: { sql: { type: 'string' } }, required: ['sql'] } })
      return {
        content: [{ type: 'tool-call', toolCallId: '1', toolName: 'query', input: '{"sql":"SELECT 1 AS n"}' }],
        finishReason: { unified: 'tool-calls', raw: undefined },
        usage: usage as never,
        warnings: [],
      }
    },
  })
  const { toolResults } = await generateText({ model, tools, prompt: 'One?' })
  expect(toolResults).toMatchObject([{ toolName: 'query', output: answer }])
  expect(sent).toEqual([{ sql: 'SELECT 1 AS n', params: [] }])
})

test('LangChain calls the tool', async () => {
  const { db } = database()
  const tool = new DynamicStructuredTool(db.asTool('query').langchain())
  expect(tool.name).toBe('query')
  expect(JSON.parse(await tool.invoke({ sql: 'SELECT 1 AS n' }))).toEqual(answer)
  expect(
    db
      .asTools()
      .langchain()
      .map((fields) => new DynamicStructuredTool(fields).name),
  ).toContain('list_tables')
})

test('Mastra passes the input directly, or as context', async () => {
  const { db, sent } = database()
  const { id, execute, inputSchema } = db.asTool('query').mastra().query
  expect([id, inputSchema['~standard'].jsonSchema.input()]).toEqual(['query', db.asTool('query').inputSchema])
  expect(await execute({ sql: 'SELECT 1' })).toEqual(answer)
  expect(await execute({ context: { sql: 'SELECT 2' }, runtimeContext: {} })).toEqual(answer)
  expect(sent).toMatchObject([{ sql: 'SELECT 1' }, { sql: 'SELECT 2' }])
})

test('tools are keyed by name, so tools of several databases can be combined', () => {
  const { db } = database()
  const ai: ToolSet = { ...db.asTool('orders').aiSdk(), ...db.asTool('people').aiSdk() }
  expect(Object.keys(ai)).toEqual(['orders', 'people'])
  expect(Object.entries(db.asTool('orders').mastra()).map(([name, { id }]) => [name, id])).toEqual([
    ['orders', 'orders'],
  ])
  const names = db.asTools().tools.map(({ name }) => name)
  expect(Object.keys(db.asTools().aiSdk())).toEqual(names)
  expect(Object.entries(db.asTools().mastra()).map(([name, { id }]) => [name, id])).toEqual(
    names.map((name) => [name, name]),
  )
})

test('runTool() returns rows as objects; an AI model gets each row once', async () => {
  const { db } = database()
  const { data, rows, rowCount, error } = await db.runTool({ sql: 'SELECT 1 AS n' })
  expect({ data, rows, rowCount, error }).toEqual({ data: [{ n: 1 }], rows: [[1]], rowCount: 1, error: undefined })
  expect(await db.asTool().run({ sql: 'SELECT 1 AS n' })).toEqual(answer)
  expect(await db.asTools().run('select_rows', { table: 't' })).toEqual(answer)
})

test('reports unknown tools and missing input to the AI model', async () => {
  const tools = database().db.asTools()
  expect(await tools.run('nope', {})).toMatchObject({ code: 'tool_not_found' })
  expect(await tools.run('run_sql', {})).toEqual({ error: 'Missing argument "sql".', code: 'invalid_input' })
  expect(await tools.run('run_sql', '{"sql":"SELECT 1"}')).toEqual(answer)
})
