import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, startPlatform, type TestPlatform } from '../harness.ts'
import { type Database, imported, maker, readRows } from '../transfer.ts'

let platform: TestPlatform
let token: string
let make: (...statements: string[]) => Promise<Database>
let number = 0

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '100', PERSQL_QUOTA_EXPORTS: '10' } })
  token = (await platform.createNamespace('acme')).token
  make = maker(platform, token)
})
afterAll(() => platform.stop())

const ROUNDS = 8
const next = () => ++number
/** Both tables have the same version in all rows. */
const VERSIONS = 'SELECT v FROM a UNION SELECT v FROM b'
const rows = (table: string, v: number) =>
  `INSERT INTO ${table} WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000) SELECT i, ${v}, hex(zeroblob(200)) FROM n`

const makeVersioned = () =>
  make(
    'CREATE TABLE a (i INTEGER PRIMARY KEY, v, x)',
    'CREATE TABLE b (i INTEGER PRIMARY KEY, v, x)',
    rows('a', 1),
    rows('b', 1),
  )

/** Copies of a database. Each returns the database with the copied rows, if it is one. */
const copies: Record<string, (db: Database) => Promise<[Answer, Database?]>> = {
  fork: async (db) => {
    const slug = `fork-${next()}`
    return [await db.request('/fork', { body: { slug } }), platform.database('acme', slug, token)]
  },
  snapshot: async (db) => [await db.request('/snapshots', { body: { label: 'x' } })],
  branch: async (db) => [await db.request(`/branches/b${next()}`, { method: 'PUT', body: {} })],
  'branch that is reset': async (db) => [await db.request('/branches/same', { method: 'PUT', body: {} })],
  export: async (db) => [await db.request('/export?format=sql')],
  'automatic snapshot': async (db) => {
    const name = `dropped_${next()}`
    await db.query(`CREATE TABLE ${name} (x)`)
    return [await db.query(`DROP TABLE ${name}`)]
  },
}

/** Runs copies until `work` ends. Returns all copies. */
async function during<T>(db: Database, copy: (db: Database) => Promise<[Answer, Database?]>, work: () => Promise<T>) {
  let isDone = false
  const working = work().finally(() => {
    isDone = true
  })
  const made: [Answer, Database?][] = []
  const copying = Array.from({ length: 2 }, async () => {
    while (!isDone && made.length < 40) made.push(await copy(db))
  })
  await Promise.all([working, ...copying])
  return made
}

const statuses = (made: readonly [Answer, Database?][]) => [
  ...new Set(made.map(([{ status, body }]) => `${status} ${body?.code ?? ''}`.trim())),
]

describe.each(Object.entries(copies))('a %s', (_, copy) => {
  test('waits for an import of the same database', async () => {
    const db = await makeVersioned()
    const made = await during(db, copy, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const file = `i,w\n${'1,2\n'.repeat(5_000)}`
        const { status, body } = await imported(db, file, `format=csv&table=t${round}&create=1`)
        expect(status, JSON.stringify(body)).toBe(200)
      }
    })
    expect(statuses(made)).toEqual(['200'])
  })
})

describe.each(['restore', 'merge'])('a fork during a %s', (kind) => {
  test('has the rows of one point in time', async () => {
    const db = await makeVersioned()
    const { id } = (await db.request('/snapshots', { body: { label: 'first' } })).body.data
    const { databaseSlug, token: secret } = (
      await db.request('/claim_branch', { body: { ref: 'work', role: 'admin' } })
    ).body.data
    const branch = platform.database('acme', databaseSlug, secret)
    const work = async (round: number) => {
      if (kind === 'restore') {
        await db.batch(
          ['a', 'b'].map((table) => ({ sql: `UPDATE ${table} SET v = 2` })),
          { transaction: true },
        )
        return db.request('/restore', { body: { snapshotId: id } })
      }
      const v = 10 + round
      await branch.batch(
        ['a', 'b'].flatMap((table) => [{ sql: `DELETE FROM ${table}` }, { sql: rows(table, v) }]),
        { transaction: true },
      )
      return db.request('/branches/work/merge', { body: { mode: 'data', onConflict: 'branch' } })
    }
    const made = await during(db, copies.fork as (typeof copies)[string], async () => {
      for (let round = 0; round < ROUNDS / 2; round++) {
        const { status, body } = await work(round)
        expect(status, JSON.stringify(body).slice(0, 300)).toBe(200)
      }
    })
    expect(statuses(made)).toEqual(['200'])
    for (const [, fork] of made) {
      const versions = await readRows(fork as Database, VERSIONS)
      expect(versions).toHaveLength(1)
    }
  })
})
