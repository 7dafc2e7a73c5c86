import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let owner: Awaited<ReturnType<TestPlatform['signUp']>>
let main: ReturnType<TestPlatform['database']>

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  owner = await platform.signUp('acme@example.com')
  const acme = await platform.createNamespace('acme')
  main = acme.db()
  await main.query('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)')
})
afterAll(() => platform.stop())

interface Claimed {
  databaseSlug: string
  token: string
  outcome: string
}
const claim = async (body: object): Promise<Claimed> => (await main.request('/claim_branch', { body })).body.data
const at = (ref: string, more = '') => `/branches/${ref}${more}`
const put = (ref: string, body: object = {}) => main.request(at(ref), { method: 'PUT', body })
const patch = (ref: string, body: object) => main.request(at(ref), { method: 'PATCH', body })
const setAhead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
const opened = ({ databaseSlug, token }: Claimed) => platform.database('acme', databaseSlug, token)
const read = async (branch: Claimed, sql = 'SELECT count(*) FROM notes') => {
  const { status, body } = await opened(branch).query(sql)
  return status === 200 ? body.data.rows[0][0] : body.code
}
const daysFromNow = (iso: string) => Math.round((Date.parse(iso) - Date.now()) / 86_400_000)

describe('a reset', () => {
  const resets: [string, (ref: string, body: object) => Promise<unknown>][] = [
    ['claim_branch', (ref, body) => claim({ ref, ...body })],
    ['PUT', put],
  ]

  test.each(resets)('with %s and keepTokens leaves the tokens valid', async (name, reset) => {
    const ref = `kept-${name.toLowerCase()}`
    const [writer, reader] = [await claim({ ref }), await claim({ ref, role: 'read', keepTokens: true })]
    await opened(writer).query("INSERT INTO notes (text) VALUES ('old')")
    await reset(ref, { keepTokens: true })
    expect([await read(writer), await read(reader)]).toEqual([0, 0])
    expect(await read(reader, 'DELETE FROM notes')).toBe('role_insufficient')
    await reset(ref, { keepTokens: false })
    expect([await read(writer), await read(reader)]).toEqual(['token_unknown', 'token_unknown'])
  })

  test.each(resets)('with %s and no keepTokens revokes them', async (name, reset) => {
    const ref = `revoked-${name.toLowerCase()}`
    const before = await claim({ ref })
    expect(await read(before)).toBe(0)
    await reset(ref, {})
    expect(await read(before)).toBe('token_unknown')
  })

  test.each(resets)('with %s ends handoff codes as it ends tokens', async (name, reset) => {
    const ref = `handed-${name.toLowerCase()}`
    await claim({ ref })
    const handOff = async (): Promise<string> => (await main.request(at(ref, '/handoff'), { body: {} })).body.data.token
    const redeem = async (token: string) => (await platform.request('/v1/handoff/redeem', { body: { token } })).body
    const [kept, ended] = [await handOff(), await handOff()]
    await reset(ref, { keepTokens: true })
    expect((await redeem(kept)).success).toBe(true)
    await reset(ref, {})
    expect((await redeem(ended)).code).toBe('handoff_not_found')
  })

  test('with keepTokens returns one more token, and all end with the branch', async () => {
    const first = await claim({ ref: 'many' })
    const second = await claim({ ref: 'many', keepTokens: true })
    expect([second.outcome, second.databaseSlug]).toEqual(['reset', first.databaseSlug])
    expect(second.token).not.toBe(first.token)
    expect([await read(first), await read(second)]).toEqual([0, 0])
    await main.request(at('many'), { method: 'DELETE' })
    expect([await read(first), await read(second)]).toEqual(['token_unknown', 'token_unknown'])
  })

  test('with keepTokens refuses no call of an app that runs on the branch', async () => {
    const app = await claim({ ref: 'live', role: 'write' })
    let isOver = false
    const codes = new Set<unknown>()
    const running = (async () => {
      while (!isOver) codes.add(typeof (await read(app)))
      codes.add(typeof (await read(app)))
    })()
    for (let i = 0; i < 5; i++) expect((await put('live', { keepTokens: true })).status).toBe(200)
    isOver = true
    await running
    expect([...codes]).toEqual(['number'])
  })

  test('with keepTokens keeps the expiry of a token', async () => {
    const short = await claim({ ref: 'expiring', ttlSec: 60 })
    await put('expiring', { keepTokens: true, ttlDays: 7 })
    await setAhead(61_000)
    expect(await read(short)).toBe('token_unknown')
    expect((await main.request(at('expiring'))).status).toBe(200)
    await setAhead(0)
  })

  test.each([['keep'], [1], [null]])('is refused with keepTokens: %j', async (keepTokens) => {
    for (const answer of [
      await put('odd', { keepTokens }),
      await main.request('/claim_branch', { body: { keepTokens } }),
    ])
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_input'])
  })
})

describe('a change of a branch', () => {
  test('sets its name and expiry, and leaves its rows and tokens', async () => {
    const branch = await claim({ ref: 'changed', ttlSec: 3_600 })
    await opened(branch).query("INSERT INTO notes (text) VALUES ('kept')")
    const renamed = (await patch('changed', { name: ' Preview ' })).body.data
    expect(renamed).toMatchObject({ slug: branch.databaseSlug, name: 'Preview', branchRef: 'changed' })
    expect(daysFromNow(renamed.expiresAt)).toBe(0)
    expect(daysFromNow((await patch('changed', { ttlDays: 7 })).body.data.expiresAt)).toBe(7)
    const expiresAt = '2099-01-01T00:00:00.000Z'
    expect((await patch('changed', { expiresAt })).body.data).toMatchObject({ expiresAt, name: 'Preview' })
    expect((await patch('changed', { expiresAt: null })).body.data.expiresAt).toBe(null)
    expect((await patch('changed', {})).body.data).toMatchObject({ expiresAt: null, name: 'Preview' })
    expect((await main.request(at('changed'))).body.data).toMatchObject({ expiresAt: null, name: 'Preview' })
    expect(await read(branch)).toBe(1)
  })

  test('lets it live longer, or end earlier', async () => {
    await put('longer', { ttlDays: 1 })
    await put('shorter', { ttlDays: 30 })
    await patch('longer', { ttlDays: 30 })
    await patch('shorter', { ttlDays: 1 })
    await setAhead(25 * 3_600_000)
    await expect.poll(async () => (await main.request(at('shorter'))).status).toBe(404)
    expect((await main.request(at('longer'))).status).toBe(200)
    await setAhead(0)
  })

  test('is not lost in a reset at the same time', async () => {
    for (let i = 0; i < 5; i++) {
      await put('both', { ttlDays: 1 })
      const [reset, changed] = await Promise.all([put('both', { ttlDays: 2 }), patch('both', { ttlDays: 9 })])
      expect([reset.status, changed.status]).toEqual([200, 200])
      expect([2, 9]).toContain(daysFromNow((await main.request(at('both'))).body.data.expiresAt))
      expect(daysFromNow(changed.body.data.expiresAt)).toBe(9)
    }
  })

  test('is in the audit log', async () => {
    await put('audited')
    await patch('audited', { name: 'Seen' })
    await put('audited', { keepTokens: true })
    const { data } = (await owner.request('/api/namespaces/acme/audit')).body
    const mine = data.filter(({ target }: { target: string }) => target === 'main-audited')
    expect(mine.map(({ action, detail }: { action: string; detail: object }) => [action, detail])).toEqual([
      ['database.branch_reset', { parent: 'main', ref: 'audited', keptTokens: true }],
      ['database.updated', { name: 'Seen' }],
      ['database.branched', { parent: 'main', ref: 'audited' }],
    ])
  })

  test.each([
    ['an unknown branch', 'none', { ttlDays: 1 }, 'branch_not_found'],
    ['two expiries', 'both', { ttlDays: 1, expiresAt: null }, 'invalid_input'],
    ['a time that is over', 'both', { expiresAt: '2020-01-01T00:00:00Z' }, 'invalid_input'],
    ['too many days', 'both', { ttlDays: 31 }, 'invalid_input'],
    ['an empty name', 'both', { name: ' ' }, 'invalid_input'],
    ['an unknown field', 'both', { role: 'admin' }, 'invalid_input'],
  ])('is refused for %s', async (_what, ref, body, code) => {
    expect((await patch(ref, body)).body.code).toBe(code)
  })

  test('is closed to the tokens of the branch', async () => {
    const branch = await claim({ ref: 'own', role: 'admin', ttlSec: 60 })
    const path = '/v1/db/acme/main/branches/own'
    const asBranch = await platform.request(path, { token: branch.token, method: 'PATCH', body: { ttlDays: 30 } })
    expect(asBranch.body.code).toBe('token_pinned')
  })
})
