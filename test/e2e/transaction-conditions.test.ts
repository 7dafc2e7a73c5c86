import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { type DoorName, type DoorTransaction, doors } from '../transaction-doors.ts'
import { openTransactions, Tx } from '../transactions.ts'

const MB = 1024 * 1024

let platform: TestPlatform
let made = 0

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' }, failures: ['storage_full'] })
})
afterAll(() => platform.stop())

const insert = (value: string) => `INSERT INTO t (v) VALUES ('${value}')`
const LARGE = 'INSERT INTO t (v) VALUES (hex(zeroblob(500000)))'

/** Returns a namespace with a database, and a transaction of a token of its own. */
async function situation(door: DoorName) {
  const ns = `acme-${++made}`
  const owner = await platform.createNamespace(ns)
  const db = owner.db()
  for (const sql of ['CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)', 'CREATE TABLE guarded (id INTEGER)']) {
    expect((await db.query(sql)).status).toBe(200)
  }
  const { data } = (
    await platform.request('/v1/tokens', { token: owner.token, body: { name: 'x', role: 'readwrite' } })
  ).body
  const { id, token } = data as { id: string; token: string }
  const operator = (path: string, body: object, method = 'POST') =>
    platform.request(`/api/operator/namespaces/${ns}${path}`, { token: platform.secret, method, body })
  const begin = (mode: 'deferred' | 'write' = 'deferred') =>
    doors[door](
      {
        ...{ url: platform.url, ns, database: 'main', token },
        request: (path, options) => platform.request(path, { token, ...options }),
      },
      mode,
    )
  return {
    ...{ ns, db, begin, operator },
    owner: owner.token,
    tokenId: id,
    values: async () => (await db.query('SELECT substr(v, 1, 20) FROM t ORDER BY id')).body.data.rows.flat(),
    setQuota: (limit: number | null) => operator('/quotas/database_bytes', { limit }, 'PUT'),
    setCredit: (amountUsd: number) => operator('/credit', { amountUsd, ref: `${++made}`, note: 'test' }),
    /** Rows written by the transaction's token: billed, and logged. */
    written: async () => {
      const { spend } = (await platform.request('/v1/usage', { token: owner.token })).body.data
      const log = 'SELECT sum(rows_written), count(*) FILTER (WHERE rows_written < 0) FROM _persql_meta_query_log'
      const [[logged]] = (await db.query(log)).body.data.rows
      return [spend.rowsWritten.quantity, logged]
    },
  }
}
type Situation = Awaited<ReturnType<typeof situation>>

async function setDisk(freeBytes: number): Promise<void> {
  const body = { freeBytes, reserveBytes: 1_000 * MB }
  expect((await platform.request('/api/launcher/disk', { token: platform.secret, body })).status).toBe(200)
}

interface Condition {
  readonly happens: (at: Situation, tx: DoorTransaction) => Promise<unknown>
  /** Ends the condition. */
  readonly ends?: (at: Situation) => Promise<unknown>
  /** The outcome of a write, and of the COMMIT after it. */
  readonly step: string | readonly string[]
  readonly commit: string | readonly string[]
  /** The outcome of a COMMIT after the condition ended, for clients that can still send one. */
  readonly later?: string | readonly string[]
  readonly values: readonly string[]
}

const conditions: Record<string, Condition> = {
  'the quota of bytes is exceeded by a step': {
    happens: async ({ setQuota }, tx) => {
      expect((await setQuota(300_000)).status).toBe(200)
      expect(await tx.run(LARGE)).toBe('quota_exceeded')
    },
    ends: ({ setQuota }) => setQuota(null),
    ...{ step: 'ok', commit: 'ok', values: ['a', 'b'] },
  },
  'the quota of bytes is exceeded by the commit': {
    happens: async ({ setQuota }, tx) => {
      expect(await tx.run(LARGE)).toBe('ok')
      expect((await setQuota(300_000)).status).toBe(200)
    },
    ends: ({ setQuota }) => setQuota(null),
    ...{ step: 'quota_exceeded', commit: 'quota_exceeded', later: 'ok', values: ['a', '0'.repeat(20)] },
  },
  'the namespace is suspended': {
    happens: ({ operator }) => operator('/suspend', { note: 'x' }),
    ends: ({ operator }) => operator('/resume', { note: 'x' }),
    ...{ step: 'namespace_suspended', commit: 'namespace_suspended', values: [] },
  },
  'the disk has no room': {
    happens: () => setDisk(99 * MB),
    ends: () => setDisk(5_000 * MB),
    ...{ step: 'storage_full', commit: 'storage_full', later: 'ok', values: ['a'] },
  },
  'the token is revoked': {
    happens: ({ owner, tokenId }) => platform.request(`/v1/tokens/${tokenId}`, { token: owner, method: 'DELETE' }),
    ...{ step: 'token_unknown', commit: 'token_unknown', values: [] },
  },
  'the balance is empty': {
    happens: async ({ setCredit, db }) => {
      await setCredit(-100)
      await expect.poll(async () => (await db.query('SELECT 1')).status).toBe(402)
    },
    ends: async ({ setCredit, db }) => {
      await setCredit(200)
      await expect.poll(async () => (await db.query('SELECT 1')).status).toBe(200)
    },
    ...{ step: 'insufficient_balance', commit: 'ok', values: ['a'] },
  },
  'a rule is made': {
    happens: ({ db }) => db.request('/approval_rules', { body: { tableGlob: 't', action: 'deny' } }),
    ends: async ({ db }) => {
      const [{ id }] = (await db.request('/approval_rules')).body.data
      await db.request(`/approval_rules/${id}`, { method: 'DELETE' })
    },
    ...{ step: ['approval_in_transaction', 'approval_denied'], commit: ['approval_in_transaction', 'approval_denied'] },
    ...{ later: 'ok', values: ['a'] },
  },
  'the database is deleted': {
    happens: ({ owner }) => platform.request('/v1/databases/main', { token: owner, method: 'DELETE' }),
    ends: ({ db }) => db.query('CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)'),
    ...{ step: 'database_not_found', commit: 'database_not_found', values: [] },
  },
}

describe.each(Object.keys(doors) as DoorName[])('in a transaction of %s', (door) => {
  test.each(Object.entries(conditions))('%s', async (_, { happens, ends, step, commit, later, values }) => {
    const at = await situation(door)
    const tx = await at.begin()
    expect(await tx.run(insert('a'))).toBe('ok')
    let outcomes: string[]
    try {
      await happens(at, tx)
      outcomes = [await tx.run(insert('b')), await tx.commit()]
    } finally {
      await ends?.(at)
    }
    const [stepped = '', committed] = outcomes
    // An error of the whole request ends a stream: always over WebSocket, and over HTTP if its statements ran.
    const isBroken = BREAKS[door].has(stepped)
    expect([step].flat()).toContain(stepped)
    expect(isBroken ? [stepped, 'STREAM_EXPIRED', 'closed'] : [commit].flat()).toContain(committed)
    if (later !== undefined && !isBroken) expect([later].flat()).toContain(await tx.commit())
    else await tx.rollback()
    await tx.leave()
    // Other writers no longer wait for it.
    expect((await at.db.query(insert('later'))).status).toBe(200)
    expect(await at.values()).toEqual([...(isBroken ? [] : values), 'later'])
    const [billed, logged] = await at.written()
    // A deleted database keeps no log.
    if (step !== 'database_not_found') expect(billed).toBe(logged)
  })

  test('a fork has what is committed, and a merge and a restore wait for its end', async () => {
    const at = await situation(door)
    const { db } = at
    await db.query(insert('first'))
    const snapshot = (await db.request('/snapshots', { body: { label: 'first' } })).body.data
    const branch = (await db.request('/branches/feature', { method: 'PUT', body: {} })).body
    expect(branch.success, JSON.stringify(branch)).toBe(true)
    const feature = platform.database(at.ns, branch.data.slug, at.owner)
    await feature.query(insert('merged'))
    const merging = await at.begin('write')
    await merging.run(insert('a'))
    expect((await db.request('/fork', { body: { slug: 'other' } })).status).toBe(200)
    const merge = db.request('/branches/feature/merge', { body: { mode: 'data' } })
    await sleep(50)
    expect(await merging.commit()).toBe('ok')
    const merged = await merge
    expect(merged.status, JSON.stringify(merged.body)).toBe(200)
    expect((await at.values()).sort()).toEqual(['a', 'first', 'merged'])
    const copied = await platform.database(at.ns, 'other', at.owner).query('SELECT v FROM t')
    expect(copied.body.data.rows).toEqual([['first']])
    const restoring = await at.begin('write')
    await restoring.run(insert('lost'))
    const restore = db.request('/restore', { body: { snapshotId: snapshot.id } })
    await sleep(50)
    expect(await restoring.commit()).toBe('ok')
    expect((await restore).status).toBe(200)
    expect(await at.values()).toEqual(['first'])
    await Promise.all([merging.leave(), restoring.leave()])
  })

  test('a restore before its first write ends it', async () => {
    const at = await situation(door)
    await at.db.query(insert('first'))
    const snapshot = (await at.db.request('/snapshots', { body: { label: 'first' } })).body.data
    const tx = await at.begin()
    await tx.run('SELECT * FROM t')
    expect((await at.db.request('/restore', { body: { snapshotId: snapshot.id } })).status).toBe(200)
    expect(['transaction_expired', 'STREAM_EXPIRED']).toContain(await tx.run(insert('a')))
    await tx.leave()
    expect(await at.values()).toEqual(['first'])
  })
})

test('a day later, no response says that a transaction wrote nothing', async () => {
  const { db } = await situation('native')
  const [committed, rolledBack] = [await openTransactions(db).begin(), await openTransactions(db).begin()]
  await committed.run(insert('a'))
  for (const { status } of [await committed.commit(), await rolledBack.rollback()]) expect(status).toBe(200)
  const setClock = (aheadMs: number) =>
    platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
  const ends = async (tx: Tx) =>
    (await Promise.all([tx.commit(), tx.rollback()])).map(({ body: { code, reason, error } }) => {
      expect(error).toContain(tx.id)
      return [code, reason, error.includes('Nothing was written')]
    })
  const forgotten = ['transaction_expired', 'forgotten', false]
  try {
    await setClock(24 * 60 * 60 * 1000 + 60_000)
    for (const tx of [committed, rolledBack]) expect(await ends(tx)).toEqual([forgotten, forgotten])
    const unknown = await new Tx(db, 'txn_unknown').commit()
    expect(unknown.body).toMatchObject({ code: 'transaction_expired', reason: 'unknown' })
  } finally {
    await setClock(0)
  }
})

const BREAKS: Readonly<Record<DoorName, ReadonlySet<string>>> = {
  native: new Set(),
  'libSQL over HTTP': new Set(['storage_full']),
  'libSQL over WebSocket': new Set([
    ...['namespace_suspended', 'storage_full', 'token_unknown', 'insufficient_balance', 'database_not_found'],
  ]),
}
