import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let token: string

beforeAll(async () => {
  platform = await sharedPlatform()
  const made = await platform.createNamespace(ns)
  token = made.token
  await made.db().query('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)')
  await made.db().query("INSERT INTO notes VALUES (1, 'one'), (2, NULL)")
})
afterAll(() => platform.stop())

/** Returns a response without the parts that differ each time. */
async function answerTo(path: string, params: object, id: number | string = 7) {
  const { status, headers, body } = await platform.request(path, {
    token,
    headers: { accept: 'application/json, text/event-stream' },
    body: { jsonrpc: '2.0', id, method: 'tools/call', params },
  })
  const text = String(body)
    .replaceAll(/[0-9a-f]{32}/g, '<fence>')
    .replace(/"durationMs":[\d.]+/, '"durationMs":0')
  return { status, type: headers.get('content-type'), cache: headers.get('cache-control'), text }
}

const select = { database: 'main', sql: 'SELECT id, text AS "1" FROM notes WHERE id < ?', params: [3] }

/** Columns and values that contain the JSON between a result and its cost. */
const META = `SELECT ',"meta":{' AS ",""meta"":{", '9e998' AS meta FROM notes WHERE id < ?`

test.each([
  ['a query', '/mcp', { name: 'query', arguments: select }],
  ['values like the end of a result', '/mcp', { name: 'query', arguments: { ...select, sql: META } }],
  ['infinity', '/mcp', { name: 'query', arguments: { database: 'main', sql: 'SELECT 9e999, -9e999, 1' } }],
  ['a batch', '/mcp', { name: 'batch', arguments: { database: 'main', statements: [{ sql: META, params: [3] }] } }],
  ['a query over the root', '/', { name: 'query', arguments: select }],
  [
    'a query that may only read',
    '/mcp?readonly=1',
    { name: 'query', arguments: { ...select, sql: 'DELETE FROM notes' } },
  ],
  ['a statement that is wrong', '/mcp', { name: 'query', arguments: { ...select, sql: 'SELEC' } }],
  ['an argument that there is not', '/mcp', { name: 'query', arguments: { ...select, limit: 1 } }],
  ['no arguments', '/mcp', { name: 'query' }],
  ['a tool that there is not', '/mcp', { name: 'nothing', arguments: {} }],
  ['a tool of another group', '/mcp?tools=billing', { name: 'query', arguments: select }],
  ['a list', '/mcp?tools=core', { name: 'list_tables', arguments: { database: 'main' } }],
  ['a façade', '/mcp', { name: 'describe', arguments: { database: 'main' } }],
  ['a façade without what it needs', '/mcp', { name: 'find_tools', arguments: {} }],
])('answers %s to the letter as the server of the SDK does', async (_, path, params) => {
  const bare = await answerTo(path, params)
  // Requests with metadata are validated and served by that server.
  const served = await answerTo(path, { ...params, _meta: { progressToken: 1 } })
  expect(bare).toEqual(served)
  expect(bare).toMatchObject({ status: 200, type: 'text/event-stream', cache: 'no-cache, no-transform' })
  expect(bare.text).toMatch(/^event: message\ndata: \{.*\}\n\n$/)
  expect(JSON.parse(bare.text.slice(21))).toMatchObject({ jsonrpc: '2.0', id: 7 })
})

test('lists the same tools with any id, each time', async () => {
  const list = async (id: number | string, params: object) => {
    const headers = { accept: 'application/json, text/event-stream' }
    const { body } = await platform.request('/mcp?tools=all', {
      token,
      headers,
      body: { jsonrpc: '2.0', id, method: 'tools/list', params },
    })
    return JSON.parse(String(body).slice(21))
  }
  const [first, again, odd] = [await list(1, {}), await list(1, { _meta: {} }), await list('"tools":0', {})]
  expect(first.result.tools.length).toBeGreaterThan(60)
  expect(again).toEqual(first)
  expect(odd).toEqual({ ...first, id: '"tools":0' })
})
