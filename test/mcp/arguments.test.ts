import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { table } from '../../apps/platform/src/mcp/tool-table.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { speaker } from './rpc.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let made: Awaited<ReturnType<SharedPlatform['createNamespace']>>
const mcp = (path = '/mcp', token = made.token) => speaker(platform, token, path)
const readonly = async () => {
  const { body } = await platform.request('/v1/tokens', { token: made.token, body: { name: 'r', role: 'readonly' } })
  return body.data.token as string
}

beforeAll(async () => {
  platform = await sharedPlatform()
  made = await platform.createNamespace(ns)
  await made.db().query('CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)')
})
afterAll(() => platform.stop())

describe('without ?tools=', () => {
  test('the list stays short, and every tool of the table can be called by its name', async () => {
    expect(await mcp().tools()).toHaveLength(5)
    for (const name of Object.keys(table)) {
      // With an unknown argument, the tool is found and reports the argument.
      const { error, isError } = await mcp().call(name, { 'no such argument': 1 })
      expect([name, error, isError]).toEqual([name, undefined, true])
    }
  })

  test.each<[string, object, object]>([
    ['claim_branch', { database: 'main', ref: 'by-name' }, { outcome: 'created' }],
    ['list_branches', { database: 'main' }, { result: expect.any(Array) }],
    ['get_me', {}, { namespaceSlug: ns }],
    ['create_snapshot', { database: 'main', label: 'by name' }, { label: 'by name' }],
    ['get_billing', {}, { balanceUsd: expect.any(Number) }],
    ['list_tokens', {}, { result: expect.any(Array) }],
  ])('%s runs', async (name, given, result) => {
    expect(await mcp().call(name, given)).toMatchObject({ structuredContent: result })
  })

  test('a token can do by name what it can do elsewhere, and no more', async () => {
    const reader = mcp('/mcp', await readonly())
    expect(await reader.call('list_tables', { database: 'main' })).toMatchObject({
      structuredContent: { result: [{ name: 't' }] },
    })
    const calls = {
      claim_branch: { database: 'main' },
      create_snapshot: { database: 'main', label: 'x' },
      create_token: { name: 'x' },
      delete_database: { database: 'main' },
      query: { database: 'main', sql: 'DROP TABLE t' },
    }
    for (const [name, given] of Object.entries(calls)) {
      const { isError, structuredContent } = await reader.call(name, given)
      expect([name, isError, structuredContent.code]).toEqual([name, true, 'role_insufficient'])
    }
  })
})

test('groups in the URL and ?readonly=1 stay limits', async () => {
  const refused = { error: { code: -32602, message: expect.stringContaining('not found') } }
  expect(await mcp('/mcp?tools=core').call('claim_branch', { database: 'main' })).toMatchObject(refused)
  expect(await mcp('/mcp?tools=billing').call('query', { database: 'main', sql: 'SELECT 1' })).toMatchObject(refused)
  expect(await mcp('/mcp?readonly=1').call('claim_branch', { database: 'main' })).toMatchObject(refused)
  expect(await mcp('/mcp?readonly=1').call('list_branches', { database: 'main' })).not.toHaveProperty('error')
  expect(await mcp('/mcp').call('drop_everything')).toMatchObject(refused)
})

describe('null for an argument that can be left out', () => {
  test.each<[string, object]>([
    ['query', { database: 'main', sql: 'SELECT 1', params: null }],
    ['batch', { database: 'main', statements: [{ sql: 'SELECT 1', params: null, expect: null }], transaction: null }],
    ['claim_branch', { database: 'main', ref: 'nulls', purpose: null, ttlSec: null, role: null }],
    ['list_migrations', { database: 'main', limit: null, before: null }],
    ['create_token', { name: 'n', role: null, tableScope: null, claims: null, expiresIn: null }],
    ['search', { database: 'main', q: 'body', limit: null }],
    ['describe', { database: null }],
    ['find_tools', { words: 'branch' }],
    ['call_tool', { name: 'get_me', arguments: null }],
    ['call_tool', { name: 'query', arguments: { database: 'main', sql: 'SELECT 1', params: null } }],
    [
      'create_endpoint',
      {
        database: 'main',
        slug: 'read-t',
        name: 'Read',
        kind: 'query',
        method: 'GET',
        output: 'rows',
        sql: 'SELECT * FROM t WHERE id = ?',
        input: [{ name: 'id', type: 'integer', min: null, max: null }],
        rateLimit: null,
        description: null,
      },
    ],
  ])('is dropped: %s %j', async (name, given) => {
    const { error, isError, structuredContent } = await mcp().call(name, given)
    expect([error, isError, structuredContent?.error]).toEqual([undefined, undefined, undefined])
  })

  test('is dropped without arguments', async () => {
    const { body } = await mcp().send('tools/call', { name: 'get_me', arguments: null })
    expect(body.result.structuredContent).toMatchObject({ namespaceSlug: ns })
    const meta = { progressToken: 'p' }
    const marked = await mcp().send('tools/call', { name: 'get_me', arguments: null, _meta: meta })
    expect(marked.body.result.structuredContent).toMatchObject({ namespaceSlug: ns })
  })

  test('stays where null is a value', async () => {
    const sql = 'SELECT ? IS NULL AS missing'
    expect(await mcp().call('query', { database: 'main', sql, params: [null] })).toMatchObject({
      structuredContent: { rows: [[1]] },
    })
    const hook = { database: 'main', name: 'h', url: 'https://example.com/', tables: ['t'], events: ['insert'] }
    const { structuredContent } = await mcp().call('create_webhook', hook)
    const changed = await mcp().call('update_webhook', { database: 'main', id: structuredContent.id, tables: null })
    expect(changed.structuredContent).toMatchObject({ tables: null, events: ['insert'] })
    const { structuredContent: token } = await mcp().call('create_token', { name: 'c', claims: { team: null } })
    expect(token.claims).toEqual({ team: null })
  })

  test.each<[string, object]>([
    ['query', { database: 'main', sql: null }],
    ['query', { database: null, sql: 'SELECT 1' }],
    ['batch', { database: 'main', statements: [null] }],
    ['create_snapshot', { database: 'main', label: null }],
    ['find_tools', { words: null }],
  ])('is refused where the argument is needed: %s %j', async (name, given) => {
    expect(await mcp().call(name, given)).toMatchObject({ isError: true, structuredContent: { code: 'invalid_input' } })
  })

  test('is refused by REST, which is for programs', async () => {
    const { status } = await made.db().request('/query', { body: { sql: 'SELECT 1', params: null } })
    expect(status).toBe(400)
  })
})

test.each<[string, object]>([
  ['a number as text', { database: 'main', limit: '5' }],
  ['a boolean as text', { database: 'main', sql: 'SELECT 1', params: 'true' }],
  ['a list as text', { database: 'main', sql: 'SELECT ?', params: '[1]' }],
])('%s is refused rather than guessed at', async (_, given) => {
  const name = 'sql' in given ? 'query' : 'list_migrations'
  expect(await mcp().call(name, given)).toMatchObject({ isError: true, structuredContent: { code: 'invalid_input' } })
})
