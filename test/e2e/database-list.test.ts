import { execFileSync } from 'node:child_process'
import type { DatabaseSort } from '@persql/contract'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  type DatabaseSelection,
  toCountQuery,
  toListQuery,
} from '../../apps/platform/src/namespace/databases/database-list.ts'
import { selectIds } from '../../apps/platform/src/selection.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { ObjectFiles } from '../object-files.ts'

let platform: TestPlatform
let token: string
/** The file of the namespace. */
let file: string

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  file = await new ObjectFiles(platform.data, 'namespace').created(async () => {
    token = (await platform.createNamespace('acme')).token
  })
})
afterAll(() => platform.stop())

const setAhead = (aheadMs: number) => platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
const as = (path: string, options: { method?: string; body?: unknown } = {}, by = token) =>
  platform.request(path, { token: by, ...options })
const list = (query: Record<string, string | number> = {}, by = token) =>
  as(`/v1/databases?${new URLSearchParams(query as Record<string, string>)}`, {}, by)
const slugs = ({ body }: Awaited<ReturnType<typeof list>>): string[] =>
  body.data.map(({ slug }: { slug: string }) => slug)
const ok = async (answer: ReturnType<typeof as>) => {
  const { status, body } = await answer
  expect([status, body.code]).toEqual([200, undefined])
  return body.data
}

/** All pages, with something done between them. */
async function pages(
  query: Record<string, string | number>,
  between: (page: number) => Promise<unknown> = async () => {},
) {
  const found: string[][] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const answer = await list({ ...query, ...(cursor && { cursor }) })
    expect(answer.status).toBe(200)
    found.push(slugs(answer))
    cursor = answer.body.meta.nextCursor
    await between(found.length)
  }
  return found
}

describe('the list of databases', () => {
  let ids: Record<string, string>
  const HOUR_MS = 3_600_000

  beforeAll(async () => {
    const create = (slug: string, body: object = {}) => ok(as('/v1/databases', { body: { slug, ...body } }))
    const made = [
      await create('cust-1', { name: 'Ada Müller', labels: { plan: 'pro', region: 'eu' } }),
      await create('cust-2', { labels: { plan: 'pro', region: 'us' }, ttlDays: 2 }),
      await create('cust-3', { labels: { plan: 'free', note: 'a,b\\c:d' }, ttlDays: 20 }),
      await create('shop', { labels: { plan: 'pro' } }),
    ]
    ids = Object.fromEntries(made.map(({ id, slug }) => [slug, id]))
    const write = (slug: string, rows: number) =>
      ok(
        as(`/v1/db/acme/${slug}/script`, {
          body: {
            sql: `CREATE TABLE t (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
              INSERT INTO t SELECT hex(zeroblob(100)) FROM n`,
          },
        }),
      )
    await write('cust-2', 500)
    await write('shop', 50)
    await ok(as('/v1/db/acme/shop/fork', { body: { slug: 'shop-copy' } }))
    await ok(as('/v1/db/acme/shop/branches/dev', { method: 'PUT', body: {} }))
    await vi.waitFor(async () => {
      const { body } = await list()
      const known = Object.fromEntries(body.data.map((one: { slug: string }) => [one.slug, one]))
      expect([known['cust-2'].rows, known.shop.rows, known['shop-copy'].rows]).toEqual([500, 50, 50])
    }, 20_000)
  })

  test.each<[query: Record<string, string>, expected: string[]]>([
    [{}, ['cust-1', 'cust-2', 'cust-3', 'main', 'shop', 'shop-copy', 'shop-dev']],
    [{ sort: 'slug' }, ['cust-1', 'cust-2', 'cust-3', 'main', 'shop', 'shop-copy', 'shop-dev']],
    [{ sort: '-createdAt' }, ['shop-dev', 'shop-copy', 'shop', 'cust-3', 'cust-2', 'cust-1', 'main']],
    [{ prefix: 'cust-' }, ['cust-1', 'cust-2', 'cust-3']],
    [{ prefix: 'shop' }, ['shop', 'shop-copy', 'shop-dev']],
    [{ q: 'müller' }, ['cust-1']],
    [{ q: 'ADA' }, ['cust-1']],
    [{ q: '-COPY' }, ['shop-copy']],
    [{ q: '%' }, []],
    [{ labels: 'plan:pro' }, ['cust-1', 'cust-2', 'shop']],
    [{ labels: 'plan:pro,region:eu' }, ['cust-1']],
    [{ labels: 'region:eu,plan:free' }, []],
    [{ labels: 'note:a\\,b\\\\c:d' }, ['cust-3']],
    [{ labels: 'plan:pro', sort: '-createdAt' }, ['shop', 'cust-2', 'cust-1']],
    [{ branches: 'none' }, ['cust-1', 'cust-2', 'cust-3', 'main', 'shop', 'shop-copy']],
    [{ branches: 'only' }, ['shop-dev']],
    [{ branches: 'include', prefix: 'shop-' }, ['shop-copy', 'shop-dev']],
    [{ forkedFrom: 'shop' }, ['shop-copy', 'shop-dev']],
    [{ forkedFrom: 'shop', branches: 'none' }, ['shop-copy']],
    [{ forkedFrom: 'none' }, []],
    [{ createdFrom: 'fork' }, ['shop-copy']],
    [{ createdFrom: 'branch' }, ['shop-dev']],
    [{ createdFrom: 'empty', q: 'o' }, ['shop']],
    [{ status: 'healthy', prefix: 'cust-' }, ['cust-1', 'cust-2', 'cust-3']],
    [{ status: 'damaged' }, []],
    [{ expiringBefore: new Date(Date.now() + 72 * HOUR_MS).toISOString() }, ['cust-2']],
    [{ expiringBefore: '2999-01-01T00:00:00Z', sort: '-createdAt' }, ['cust-3', 'cust-2']],
    [{ usedBefore: '2020-01-01T00:00:00Z' }, []],
    [{ usedBefore: '2999-01-01T00:00:00Z', labels: 'plan:free' }, ['cust-3']],
  ])('of %j, in pages of any size', async (query, expected) => {
    const whole = await list({ pageSize: 1000, ...query })
    expect(slugs(whole)).toEqual(expected)
    expect(whole.body.meta).toEqual({ nextCursor: null, total: expected.length })
    for (const size of [1, 2]) expect((await pages({ ...query, pageSize: size })).flat()).toEqual(expected)
  })

  test.each<[sort: string, first: string[], last: string[]]>([
    ['-storedBytes', ['cust-2'], []],
    ['-rows', ['cust-2'], []],
    ['-lastUsedAt', [], ['cust-1', 'cust-3', 'main', 'shop-copy', 'shop-dev']],
  ])('by %s, databases without a value last', async (sort, first, last) => {
    // The time of last use arrives with the reports of databases.
    await expect
      .poll(
        async () => {
          const whole = slugs(await list({ sort }))
          const inPages = await Promise.all([1, 3].map(async (pageSize) => (await pages({ sort, pageSize })).flat()))
          return [
            whole.length,
            inPages.every((slugs) => slugs.join() === whole.join()),
            whole.slice(0, first.length),
            whole.slice(whole.length - last.length).sort(),
          ]
        },
        { timeout: 20_000 },
      )
      .toEqual([7, true, first, last])
  })

  test.each<[query: Record<string, string | number>]>([
    [{ sort: 'createdAt' }],
    [{ sort: '-name' }],
    [{ q: '' }],
    [{ prefix: 'Cust' }],
    [{ prefix: 'a{' }],
    [{ labels: 'plan' }],
    [{ labels: 'plan:pro,' }],
    [{ labels: ',' }],
    [{ labels: 'plan:pro,plan:free' }],
    [{ labels: 'Plan:pro' }],
    [{ labels: `plan:${'x'.repeat(81)}` }],
    [{ branches: 'all' }],
    [{ status: 'gone' }],
    [{ createdFrom: 'template' }],
    [{ usedBefore: 'yesterday' }],
    [{ expiringBefore: '5' }],
    [{ limit: 0 }],
    [{ limit: 1001 }],
    [{ limit: 2, pageSize: 2 }],
  ])('%j is refused with 400', async (query) => {
    const { status, body } = await list(query)
    expect([status, body.code]).toEqual([400, 'invalid_input'])
  })

  test('a cursor of another order is refused with its reason', async () => {
    const { body } = await list({ sort: '-createdAt', pageSize: 2 })
    for (const sort of ['slug', '-rows', '-storedBytes', '-lastUsedAt']) {
      const answer = await list({ sort, cursor: body.meta.nextCursor })
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_input'])
      expect(answer.body.fields.cursor).toContain('in the same order')
    }
    expect((await list({ cursor: body.meta.nextCursor })).status).toBe(400)
    expect(slugs(await list({ sort: '-createdAt', cursor: body.meta.nextCursor, limit: 1 }))).toEqual(['shop'])
  })

  test('a token for some databases filters, sorts and counts those alone', async () => {
    const { token: pinned } = await ok(as('/v1/tokens', { body: { name: 'two', databases: ['cust-1', 'cust-3'] } }))
    const of = async (query: Record<string, string | number>) => {
      const answer = await list(query, pinned)
      return [slugs(answer), answer.body.meta.total]
    }
    expect(await of({})).toEqual([['cust-1', 'cust-3'], 2])
    expect(await of({ labels: 'plan:pro' })).toEqual([['cust-1'], 1])
    expect(await of({ sort: '-createdAt', pageSize: 1 })).toEqual([['cust-3'], 2])
    expect(await of({ forkedFrom: 'shop' })).toEqual([[], 0])
    expect(await of({ q: 'shop' })).toEqual([[], 0])
  })

  test('a token with a table scope cannot sort by sizes, which it does not see', async () => {
    const { token: scoped } = await ok(
      as('/v1/tokens', { body: { name: 'scoped', role: 'readonly', tableScope: ['t'] } }),
    )
    for (const sort of ['-storedBytes', '-rows']) {
      expect((await list({ sort }, scoped)).body.code).toBe('not_for_scoped_token')
    }
    expect((await list({ sort: '-createdAt' }, scoped)).status).toBe(200)
  })

  test('databases that are created and deleted between pages: all others are on exactly one page', async () => {
    for (let n = 0; n < 9; n++) await ok(as('/v1/databases', { body: { slug: `flux-${n}`, labels: { flux: 'yes' } } }))
    const queries: Record<string, string>[] = [
      { sort: '-createdAt' },
      { sort: '-rows' },
      { sort: 'slug', labels: 'flux:yes' },
    ]
    for (const [i, query] of queries.entries()) {
      const before = (await pages({ ...query, pageSize: 1000 })).flat()
      const gone = new Set<string>()
      const found = await pages({ ...query, pageSize: 2 }, async (page) => {
        if (page > 3) return
        const slug = before.filter((one) => one.startsWith('flux-'))[page * 2 - 1] as string
        await ok(as(`/v1/databases/${slug}`, { method: 'DELETE' }))
        gone.add(slug)
        await ok(as('/v1/databases', { body: { slug: `new-${page}-${i}` } }))
      })
      const seen = found.flat()
      expect(new Set(seen).size).toBe(seen.length)
      expect(seen).toEqual(expect.arrayContaining(before.filter((slug) => !gone.has(slug))))
      for (const slug of gone) await ok(as('/v1/databases', { body: { slug, labels: { flux: 'yes' } } }))
    }
  })

  test('a database that was not used since a time is found, also if it was never used', async () => {
    await setAhead(10 * 24 * HOUR_MS)
    await ok(as('/v1/db/acme/cust-3/query', { body: { sql: 'SELECT 1' } }))
    const usedBefore = new Date(Date.now() + 5 * 24 * HOUR_MS).toISOString()
    await expect.poll(async () => slugs(await list({ usedBefore, prefix: 'cust-' }))).toEqual(['cust-1'])
    expect(Object.keys(ids)).toContain('cust-3')
    await setAhead(0)
  })
})

describe('the rows that SQLite reads for a page', () => {
  const PAGE = 50
  let db: ReturnType<TestPlatform['database']>

  /** A database with the tables of a namespace. */
  beforeAll(async () => {
    await ok(as('/v1/databases', { body: { slug: 'records' } }))
    db = platform.database('acme', 'records', token)
    const names = "tbl_name IN ('database', 'lineage', 'label') AND sql IS NOT NULL ORDER BY type = 'index'"
    const tables = execFileSync('sqlite3', [
      '-readonly',
      '-newline',
      ';',
      file,
      `SELECT sql FROM sqlite_master WHERE ${names}`,
    ])
    expect(tables.toString()).toContain('CREATE INDEX label_value')
    expect((await db.request('/script', { body: { sql: tables.toString() } })).body).toMatchObject({ success: true })
  })

  const fill = async (from: number, to: number) => {
    const numbers = `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i < ${to - 1})`
    const statements = [
      `${numbers} INSERT INTO database (id, slug, name, status, created_at, stored_bytes, row_count, used_at)
        SELECT format('db_%05d', i * 7919 % 100003), format('d-%05d', i), 'x', 'healthy', i / 10, 0, i % 3,
          iif(i % 2, NULL, i) FROM n`,
      `${numbers} INSERT INTO lineage (database_id, parent_id, parent_slug, parent_name, ref, forked_at, ready)
        SELECT format('db_%05d', i * 7919 % 100003), 'db_parent', 'p', 'p', NULL, 0, 1 FROM n WHERE i < 30`,
      `${numbers} INSERT INTO label SELECT format('db_%05d', i * 7919 % 100003), 'plan', iif(i < 20, 'rare', 'free') FROM n`,
      `UPDATE database SET expires_at = 5 WHERE slug < 'd-00025'`,
    ]
    for (const sql of statements) expect((await db.query(sql)).body).toMatchObject({ success: true })
  }

  /** Rows read by the second page, and by the total. */
  const measure = async (selection: DatabaseSelection, sort: DatabaseSort) => {
    const run = async ({ sql, params }: { sql: string; params: readonly unknown[] }) => {
      const { body } = await db.request('/query', { body: { sql, params, rows: 'objects' } })
      expect(body).toMatchObject({ success: true })
      return { rows: body.data.rows as Record<string, never>[], rowsRead: body.meta.rowsRead as number }
    }
    const first = await run(toListQuery(selection, sort, undefined, PAGE))
    const last = first.rows.at(-1)
    const key = {
      slug: 'slug',
      '-createdAt': 'created_at',
      '-lastUsedAt': 'used_order',
      '-storedBytes': 'bytes_order',
      '-rows': 'rows_order',
    }[sort]
    const after = last && (sort === 'slug' ? [last.slug] : [last[key], last.id])
    const second = await run(toListQuery(selection, sort, after as [string] | undefined, PAGE))
    const count = toCountQuery(selection)
    return [first.rowsRead, second.rowsRead, count ? (await run(count)).rowsRead : 0]
  }

  const all: DatabaseSelection = { opens: null }
  const cases: [DatabaseSelection, DatabaseSort][] = [
    ...(['slug', '-createdAt', '-lastUsedAt', '-storedBytes', '-rows'] as const).map(
      (sort): [DatabaseSelection, DatabaseSort] => [all, sort],
    ),
    [{ opens: null, labels: { plan: 'rare' } }, 'slug'],
    [{ opens: null, labels: { plan: 'rare' } }, '-storedBytes'],
    [{ opens: null, expiringBefore: '1970-01-02T00:00:00Z' }, '-rows'],
    [{ opens: null, forkedFrom: 'db_parent' }, '-createdAt'],
    [{ opens: selectIds(['db_07919', 'db_15838']) }, 'slug'],
    [{ opens: null, prefix: 'd-0000' }, 'slug'],
  ]

  test('do not grow with the number of databases', async () => {
    await fill(0, 500)
    const few: number[][] = []
    for (const [selection, sort] of cases) few.push(await measure(selection, sort))
    await fill(500, 10_000)
    for (const [i, [selection, sort]] of cases.entries()) {
      const many = await measure(selection, sort)
      const about = JSON.stringify([selection, sort, few[i], many])
      for (const [part, rowsRead] of many.entries()) {
        expect(rowsRead, about).toBeLessThanOrEqual((few[i]?.[part] as number) + 5)
      }
    }
  })
})
