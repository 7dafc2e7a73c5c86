import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { specs } from '../endpoints.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
let token: string
let main: ReturnType<TestPlatform['database']>

const schema = [
  'CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL)',
  'CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, author INTEGER REFERENCES authors ON DELETE CASCADE, "te""xt" TEXT)',
  'CREATE INDEX by_author ON notes (author) WHERE author IS NOT NULL',
  'CREATE VIEW shown AS SELECT n.id, a.name FROM notes n JOIN authors a ON a.id = n.author',
  'CREATE TRIGGER insert_shown INSTEAD OF INSERT ON shown BEGIN INSERT INTO authors (name) VALUES (new.name); SELECT 1; END',
  "CREATE VIRTUAL TABLE search USING fts5(body, content='')",
  'CREATE VIRTUAL TABLE places USING rtree(id, x0, x1)',
  'CREATE TABLE strict_one (a INT, b TEXT, c INT GENERATED ALWAYS AS (a + 1) STORED, PRIMARY KEY (a, b)) STRICT, WITHOUT ROWID',
]

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  const acme = await platform.createNamespace('acme')
  token = acme.token
  main = acme.db()
  for (const sql of schema) expect((await main.query(sql)).status, sql).toBe(200)
  await main.query("INSERT INTO authors (name) VALUES ('ada')")
  await main.query('INSERT INTO notes (author) VALUES (1), (1), (1)')
})
afterAll(() => platform.stop())

const claim = async (body: object = {}, db = main) => (await db.request('/claim_branch', { body })).body
const at = (ref: string, suffix = '') => `/branches/${encodeURIComponent(ref)}${suffix}`
const setAhead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
/** A branch as the token of a claim opens it. */
const opened = ({ databaseSlug, token }: { databaseSlug: string; token: string }) =>
  platform.database('acme', databaseSlug, token)
const readRows = async (db: ReturnType<TestPlatform['database']>, sql: string) => {
  const { status, body } = await db.query(sql)
  return status === 200 ? body.data.rows : body.code
}

describe('a claim', () => {
  test('makes a branch with the schema and no rows, and a token that opens it', async () => {
    const { data } = await claim({ ref: 'pr-42', role: 'admin', ttlSec: 600 })
    expect(data).toEqual({
      branchRef: 'pr-42',
      databaseSlug: 'main-pr-42',
      namespaceSlug: 'acme',
      token: expect.stringMatching(/^psql_live_acme_/),
      expiresAt: expect.stringMatching(/Z$/),
      outcome: 'created',
    })
    const branch = opened(data)
    const [here, there] = await Promise.all([branch.request('/schema'), main.request('/schema')])
    expect(here.body.data).toEqual(there.body.data)
    expect(await readRows(branch, 'SELECT count(*) FROM authors')).toEqual([[0]])
    expect((await branch.query("INSERT INTO shown (name) VALUES ('bob')")).status).toBe(200)
    expect(await readRows(branch, 'SELECT name FROM authors')).toEqual([['bob']])
    expect((await branch.query('INSERT INTO notes (author) VALUES (9)')).body.errorDetail.kind).toBe('fk_violation')
    expect((await branch.query('ALTER TABLE authors ADD COLUMN mail TEXT')).status).toBe(200)
    expect(await readRows(main, 'SELECT * FROM authors')).toEqual([[1, 'ada']])
  })

  test('of a ref that is there resets it: rows, schema, endpoints and tokens are gone', async () => {
    const first = (await claim({ ref: 'again', role: 'admin' })).data
    const branch = opened(first)
    await branch.query("INSERT INTO authors (name) VALUES ('bob')")
    await branch.query('CREATE TABLE more (n)')
    const spec = { ...specs.list, sql: 'SELECT name FROM authors WHERE name = ?' }
    await branch.request('/endpoints', { body: spec })
    await branch.request('/endpoints/list-notes/publish', { body: {} })
    const path = `/p/acme/${first.databaseSlug}/list-notes?author=bob`
    expect((await platform.request(path)).status).toBe(200)

    const second = (await claim({ ref: 'again', role: 'write' })).data
    expect([second.outcome, second.databaseSlug]).toEqual(['reset', first.databaseSlug])
    expect(await readRows(branch, 'SELECT 1')).toBe('token_unknown')
    expect(await readRows(opened(second), 'SELECT count(*) FROM authors')).toEqual([[0]])
    expect(await readRows(opened(second), 'SELECT * FROM more')).toBe('sql_error')
    expect((await platform.request(path)).status).toBe(404)
  })

  test('resets also what rows hold on to each other', async () => {
    await platform.request('/v1/databases', { token, body: { slug: 'knot' } })
    const db = platform.database('acme', 'knot', token)
    await db.query('CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b ON DELETE RESTRICT)')
    await db.query('CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a ON DELETE RESTRICT)')
    const first = opened((await claim({ ref: 'x', role: 'admin' }, db)).data)
    await first.query('INSERT INTO a VALUES (1, NULL)')
    await first.query('INSERT INTO b VALUES (1, 1)')
    await first.query('UPDATE a SET b = 1')
    const { data } = await claim({ ref: 'x' }, db)
    expect(data.outcome).toBe('reset')
    expect(await readRows(opened(data), 'SELECT count(*) FROM a')).toEqual([[0]])
    const orphan = await opened(data).query('INSERT INTO a VALUES (1, 7)')
    expect(orphan.body.errorDetail.kind).toBe('fk_violation')
  })

  test('takes the schema as it is by then', async () => {
    const before = (await claim({ ref: 'moving' })).data
    await main.query('CREATE TABLE later (n)')
    expect(await readRows(opened(before), 'SELECT * FROM later')).toBe('sql_error')
    const after = (await claim({ ref: 'moving' })).data
    expect(await readRows(opened(after), 'SELECT * FROM later')).toEqual([])
    await main.query('DROP TABLE later')
  })

  test('gives a role: read only reads, write changes no schema', async () => {
    const codes = async (role: string) => {
      const branch = opened((await claim({ ref: `as-${role}`, role })).data)
      const statements = ['SELECT 1', "INSERT INTO authors (name) VALUES ('x')", 'CREATE TABLE y (n)']
      return Promise.all(statements.map(async (sql) => (await branch.query(sql)).status))
    }
    expect(await codes('read')).toEqual([200, 403, 403])
    expect(await codes('write')).toEqual([200, 200, 403])
    expect(await codes('admin')).toEqual([200, 200, 200])
  })

  test('makes up a ref of its purpose', async () => {
    const { data } = await claim({ purpose: 'Try the new Index?' })
    expect(data.branchRef).toMatch(/^try-the-new-index-[0-9a-z]{6}$/)
    expect((await claim()).data.branchRef).toMatch(/^branch-[0-9a-z]{6}$/)
  })

  test.each([
    ['Feature/Login_2', /^main-feature-login-2-[0-9a-z]{7}$|^main-feature-login-2$/],
    ['feature/login-2', /^main-feature-login-2(-[0-9a-z]{7})?$/],
    ['v1.2.3', /^main-v1-2-3$/],
    ['a'.repeat(64), /^main-a+-[0-9a-z]{7}$/],
  ])('maps %s to a slug of its own', async (ref, slug) => {
    const { data } = await claim({ ref })
    expect(data.databaseSlug).toMatch(slug)
    expect(data.databaseSlug.length).toBeLessThanOrEqual(63)
    expect((await main.request(at(ref))).body.data).toMatchObject({ branchRef: ref, slug: data.databaseSlug })
  })

  test.each([
    [{ ref: '' }],
    [{ ref: '-x' }],
    [{ ref: 'a b' }],
    [{ ref: 'x'.repeat(256) }],
    [{ ttlSec: 59 }],
    [{ ttlSec: 2_592_001 }],
    [{ role: 'owner' }],
    [{ purpose: '' }],
  ])('is refused with %j', async (body) => {
    expect((await claim(body)).code).toBe('invalid_input')
  })

  test('is not made of a branch, nor of what is not there', async () => {
    const { data } = await claim({ ref: 'leaf' })
    const leaf = platform.database('acme', data.databaseSlug, token)
    expect((await claim({}, leaf)).code).toBe('branch_of_branch')
    expect((await claim({}, platform.database('acme', 'nowhere', token))).code).toBe('database_not_found')
    await platform.request('/v1/databases', { token, body: { slug: 'main-taken' } })
    expect((await claim({ ref: 'taken' })).data.databaseSlug).toMatch(/^main-taken-[0-9a-z]{7}$/)
  })
})

describe('a token of a branch', () => {
  test('gives access to nothing else, with any role', async () => {
    const { data } = await claim({ ref: 'pinned', role: 'admin' })
    const other = (await claim({ ref: 'other', role: 'admin' })).data
    const as = (path: string, options = {}) => platform.request(path, { token: data.token, ...options })
    for (const db of ['main', other.databaseSlug, 'made-up']) {
      const { status, body } = await as(`/v1/db/acme/${db}/query`, { body: { sql: 'SELECT 1' } })
      expect([status, body.code], db).toEqual([403, 'token_pinned'])
    }
    for (const path of ['/v1/databases/main', '/v1/billing', '/v1/db/acme/main/branches', '/v1/usage']) {
      expect((await as(path)).body.code, path).toBe('token_pinned')
    }
    const child = (await as('/v1/tokens', { body: { name: 'x', databases: ['main', data.databaseSlug] } })).body.data
    expect(child).toMatchObject({ database: data.databaseSlug, expiresAt: data.expiresAt })
    expect((await as('/v1/tokens', { body: { name: 'x', databases: ['main'] } })).body.code).toBe('exceeds_parent')
    const own = (await as('/v1/tokens')).body.data.map(({ name }: { name: string }) => name)
    expect(own).toEqual(['branch pinned', 'x'])
    expect((await as(`/v1/db/acme/${data.databaseSlug}/claim_branch`, { body: {} })).body.code).toBe('token_pinned')
    const session = { namespaceSlug: 'acme', databaseSlug: 'main', userId: 1 }
    expect((await as('/v1/sessions', { body: session })).body.code).toBe('token_pinned')
    expect((await as('/v1/me')).body.data).toMatchObject({
      database: data.databaseSlug,
      branch: 'pinned',
      libsqlUrl: `${platform.url}/libsql/acme/${data.databaseSlug}/`,
      databases: [data.databaseSlug],
      tableScope: null,
      expiresAt: data.expiresAt,
    })
    const seen = (await as('/v1/databases')).body.data.map(({ slug }: { slug: string }) => slug)
    expect(seen).toEqual([data.databaseSlug])
    const listed = (await platform.request('/v1/tokens', { token })).body.data
    expect(listed).toContainEqual(expect.objectContaining({ name: 'branch pinned', database: data.databaseSlug }))
  })

  test('dies with the branch: deleted, expired, or with its parent', async () => {
    const deleted = (await claim({ ref: 'to-delete' })).data
    expect(await readRows(opened(deleted), 'SELECT 1')).toEqual([[1]])
    expect((await main.request(at('to-delete'), { method: 'DELETE' })).body.data).toEqual({ deleted: true })
    expect(await readRows(opened(deleted), 'SELECT 1')).toBe('token_unknown')
    expect((await main.request(at('to-delete'))).body.code).toBe('branch_not_found')

    await platform.request('/v1/databases', { token, body: { slug: 'parent' } })
    const parent = platform.database('acme', 'parent', token)
    await parent.query('CREATE TABLE t (n)')
    const child = (await claim({ ref: 'child', ttlSec: 0 }, parent)).data
    expect(child.expiresAt).toBe(null)
    expect(await readRows(opened(child), 'SELECT * FROM t')).toEqual([])
    await platform.request('/v1/databases/parent', { token, method: 'DELETE' })
    expect(await readRows(opened(child), 'SELECT * FROM t')).toBe('token_unknown')
    const slugs = (await platform.request('/v1/databases', { token })).body.data.map(
      ({ slug }: { slug: string }) => slug,
    )
    expect(slugs).not.toContain(child.databaseSlug)
  })

  test('and the branch end together when their time is over', async () => {
    const short = (await claim({ ref: 'short', ttlSec: 60 })).data
    const long = (await claim({ ref: 'long', ttlSec: 7_200 })).data
    expect(await readRows(opened(short), 'SELECT 1')).toEqual([[1]])
    await setAhead(61_000)
    expect(await readRows(opened(short), 'SELECT 1')).toBe('token_unknown')
    await expect.poll(async () => (await main.request(at('short'))).status).toBe(404)
    expect(await readRows(opened(long), 'SELECT 1')).toEqual([[1]])
    await setAhead(0)
  })
})

describe('a branch', () => {
  test('is a database, made and reset by PUT', async () => {
    const put = (ref: string, body: object = {}) => main.request(at(ref), { method: 'PUT', body })
    const made = (await put('preview', { ttlDays: 2 })).body.data
    expect(made).toMatchObject({
      slug: 'main-preview',
      name: 'main (preview)',
      branchRef: 'preview',
      forkedFrom: { slug: 'main', name: 'main' },
      status: 'healthy',
    })
    expect(Date.parse(made.expiresAt) - Date.parse(made.forkedAt)).toBeGreaterThan(47 * 3_600_000)
    const db = platform.database('acme', 'main-preview', token)
    await db.query("INSERT INTO authors (name) VALUES ('bob')")
    const again = (await put('preview', { fromRef: 'main', name: 'Preview' })).body.data
    expect(again).toMatchObject({ id: made.id, name: 'Preview', expiresAt: null })
    expect(await readRows(db, 'SELECT * FROM authors')).toEqual([])
    const at2030 = '2030-01-01T00:00:00.000Z'
    expect((await put('preview', { expiresAt: at2030 })).body.data.expiresAt).toBe(at2030)
    for (const body of [
      { fromRef: 'other' },
      { ttlDays: 31 },
      { expiresAt: '2020-01-01T00:00:00Z' },
      { expiresAt: at2030, ttlDays: 1 },
    ]) {
      expect((await put('preview', body)).body.code).toBe('invalid_input')
    }
    const refs = (await main.request('/branches')).body.data.map((one: { branchRef: string }) => one.branchRef)
    expect(refs).toEqual([...refs].sort())
    expect(refs).toContain('preview')
    expect((await platform.request('/v1/databases/main-preview', { token })).body.data.branchRef).toBe('preview')
  })

  test('costs no storage while it has no rows', async () => {
    const fresh = await platform.createNamespace('frugal')
    for (const sql of schema) await fresh.db().query(sql)
    for (let i = 0; i < 3; i++)
      expect((await claim({ ref: `r${i}`, ttlSec: 0 }, fresh.db())).data.outcome).toBe('created')
    await setAhead(2 * 86_400_000)
    const { spend } = (await platform.request('/v1/usage', { token: fresh.token })).body.data
    expect(spend.storageByteHours.quantity).toBe(0)
    await setAhead(0)
  })
})

describe('a handoff', () => {
  const handOff = async (ref: string, body: object = {}) => (await main.request(at(ref, '/handoff'), { body })).body
  const redeem = (secret: string) => platform.request('/v1/handoff/redeem', { body: { token: secret } })

  test('is redeemed once, without a token, for one of its role', async () => {
    await claim({ ref: 'task', ttlSec: 600 })
    const { data } = await handOff('task', { role: 'read' })
    expect(data.token).toMatch(/^phand_acme_[0-9A-Za-z]{32}$/)
    const answers = await Promise.all(Array.from({ length: 8 }, () => redeem(data.token)))
    const won = answers.filter(({ status }) => status === 200)
    expect([won.length, answers.filter(({ status }) => status === 404).length]).toEqual([1, 7])
    const redeemed = won[0]?.body.data
    expect(redeemed).toMatchObject({
      branchRef: 'task',
      databaseSlug: 'main-task',
      namespaceSlug: 'acme',
      role: 'read',
    })
    expect(await readRows(opened(redeemed), 'SELECT count(*) FROM authors')).toEqual([[0]])
    expect(await readRows(opened(redeemed), 'DELETE FROM authors')).toBe('role_insufficient')
  })

  test('expires, dies with its branch, and cannot be guessed', async () => {
    await claim({ ref: 'brief', ttlSec: 7_200 })
    const late = (await handOff('brief', { ttlSec: 60 })).data.token
    await setAhead(61_000)
    expect((await redeem(late)).body.code).toBe('handoff_not_found')
    await setAhead(0)
    const orphan = (await handOff('brief')).data.token
    await main.request(at('brief'), { method: 'DELETE' })
    expect((await redeem(orphan)).body.code).toBe('handoff_not_found')
    for (const secret of [
      '',
      'phand_acme_',
      `phand_nobody_${'a'.repeat(32)}`,
      `phand_acme_${'a'.repeat(32)}`,
      "phand_acme_' OR 1=1 --",
    ]) {
      expect((await redeem(secret)).body.code).toBe('handoff_not_found')
    }
    expect((await handOff('nowhere')).code).toBe('branch_not_found')
  })
})

test('16 concurrent claims, writes, resets and deletions of one ref: every token stays limited to its branch, and the parent is unchanged', async () => {
  const before = await readRows(main, 'SELECT * FROM authors')
  const outcomes = new Set<string>()
  await Promise.all(
    Array.from({ length: 16 }, async (_, client) => {
      for (let round = 0; round < 6; round++) {
        if ((client + round) % 5 === 4) {
          const { status } = await main.request(at('contested'), { method: 'DELETE' })
          expect([200, 404]).toContain(status)
          continue
        }
        const { data, code } = await claim({ ref: 'contested', role: 'write' })
        expect(code).toBeUndefined()
        outcomes.add(data.outcome)
        expect(data.databaseSlug).toBe('main-contested')
        const branch = opened(data)
        const mark = `${client}/${round}`
        const written = await branch.query('INSERT INTO authors (name) VALUES (?)', [mark])
        // If another client reset or deleted the branch since, the token is invalid and nothing was written.
        expect([200, 401], JSON.stringify(written.body)).toContain(written.status)
        const elsewhere = await platform.database('acme', 'main', data.token).query('SELECT 1')
        expect([401, 403]).toContain(elsewhere.status)
        if (written.status !== 200) continue
        const read = await branch.query('SELECT name FROM authors')
        if (read.status === 200) expect(read.body.data.rows).toEqual([[mark]])
        else expect(read.status).toBe(401)
      }
    }),
  )
  expect(outcomes).toEqual(new Set(['created', 'reset']))
  expect(await readRows(main, 'SELECT * FROM authors')).toEqual(before)
})

test('a crash during claims leaves branches that are whole: with the schema, or not there', async () => {
  for (let round = 0; round < 5; round++) {
    const claims = Array.from({ length: 4 }, (_, i) => claim({ ref: `crash-${i}` }).catch(() => undefined))
    await new Promise((resolve) => setTimeout(resolve, round * 6))
    await platform.kill()
    await Promise.all(claims)
    await platform.restart()
    for (const { slug, status } of (await main.request('/branches')).body.data) {
      if (status !== 'healthy' || !slug.includes('crash')) continue
      const db = platform.database('acme', slug, token)
      expect(await readRows(db, 'SELECT count(*) FROM authors')).toEqual([[0]])
    }
    const { data } = await claim({ ref: 'crash-0' })
    expect(await readRows(opened(data), 'SELECT count(*) FROM strict_one')).toEqual([[0]])
  }
})
