import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { objectFile } from '../../apps/launcher/src/object-files.ts'
import { type CellClient, startCells } from '../cells.ts'
import { getFileSize } from '../file-size.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { uniqueName } from '../shared-platform.ts'
import { SmallVolume } from '../small-volume.ts'

const MB = 1024 * 1024
/** Writes about 4 KB in each row, without an end. */
const endless = 'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, zeroblob(4000) FROM n'

/** The answer, once there is a process to give one. */
async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch {
      await delay(50)
    }
  }
}

describe('a statement that writes far more than its quota', () => {
  let platform: TestPlatform
  beforeAll(async () => {
    platform = await startPlatform({
      watchdog: true,
      failures: ['database_suspended'],
      // A statement that isn't stopped because of its size ends with the reason `time`.
      environment: { QUERY_TIMEOUT_S: '60', PERSQL_QUOTA_DATABASE_BYTES: '2 MB', PERSQL_DEV: '1' },
    })
  })
  afterAll(() => platform.stop())

  test.each<[string, string | { sql: string }[]]>([
    ['an INSERT of a recursion', `INSERT INTO t ${endless}`],
    ['a table of a recursion', `CREATE TABLE more AS ${endless}`],
    ['an UPDATE with one loop', 'UPDATE small SET x = zeroblob(5000000)'],
    ['VALUES', `INSERT INTO t VALUES ${Array(4_000).fill('(1, zeroblob(5000000))')}`],
    ['a trigger', 'INSERT INTO fires VALUES (1)'],
    ['a batch', [{ sql: 'DELETE FROM small' }, { sql: `INSERT INTO t ${endless}` }]],
  ])('is stopped: %s', async (_, work) => {
    // After two stopped statements, the long writes of a namespace are refused.
    const acme = await eventually(() => platform.createNamespace(uniqueName('acme')))
    const db = await eventually(() =>
      acme.make(
        'CREATE TABLE t (n, x)',
        'CREATE TABLE small (x)',
        'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) INSERT INTO small SELECT i FROM n',
        'CREATE TABLE fires (x)',
        `CREATE TRIGGER fired AFTER INSERT ON fires BEGIN INSERT INTO t SELECT a.x, zeroblob(4000) FROM small a, small b; END`,
      ),
    )
    const rows = async () =>
      (await eventually(() => db.query('SELECT (SELECT count(*) FROM t), (SELECT total(x) FROM small)'))).body.data.rows
    const before = await rows()
    const entries = platform.log.length
    await expect(typeof work === 'string' ? db.query(work) : db.batch(work, { transaction: true })).rejects.toThrow()
    await expect
      .poll(() => platform.log.slice(entries).map(({ event }) => event))
      .toContain('stopped_statement_recorded')
    expect(platform.log.slice(entries).find(({ event }) => event === 'statement_killed')).toMatchObject({
      ...{
        reason: 'quota',
        database: `${acme.namespace.slug}/${db.slug}`,
        tokenId: acme.tokenId,
        sql: expect.any(String),
      },
    })
    expect(await rows()).toEqual(before)
    const refused = await db.query('DELETE FROM t')
    expect(refused).toMatchObject({ status: 503, body: { code: 'database_suspended', reason: 'quota' } })
    const log = 'SELECT status, error FROM _persql_query_log WHERE status = 409'
    expect((await db.query(log)).body.data.rows).toEqual([[409, expect.stringContaining('"database_bytes"')]])
    // The log that the statement wrote doesn't stay.
    expect(
      getFileSize(`${objectFile(platform.data, 'database', `${acme.namespace.slug}/${db.slug}`)}-wal`),
    ).toBeLessThan(4 * MB)
  })
})

test('a write of a database above its quota is not stopped if it does not grow the database', async () => {
  const platform = await startPlatform({ watchdog: true, environment: { QUERY_TIMEOUT_S: '60' } })
  try {
    const { db } = await platform.createNamespace('acme')
    await db().query('CREATE TABLE t (n, x)')
    expect((await db().query(`INSERT INTO t ${endless} LIMIT 40000`)).status).toBe(200)
    const pid = platform.pid()
    const path = '/api/operator/namespaces/acme/quotas/database_bytes'
    await platform.request(path, { token: platform.secret, method: 'PUT', body: { limit: MB } })
    // Each page is written to the log, and more than once.
    expect((await db().query('UPDATE t SET x = zeroblob(4001 - (n & 1)), n = n + 1')).status).toBe(200)
    expect(platform.pid()).toBe(pid)
  } finally {
    await platform.stop()
  }
})

test('a cell stops the statements of its own databases', async () => {
  const instance = await startCells(2, { QUERY_TIMEOUT_S: '60', PERSQL_QUOTA_DATABASE_BYTES: '2 MB' })
  try {
    const name = instance.nameIn(1)
    const [first] = instance.cells as [CellClient]
    const { db } = await first.createNamespace(name)
    await db().query('CREATE TABLE t (n, x)')
    expect(await db().query(`INSERT INTO t ${endless}`)).toMatchObject({
      status: 503,
      body: { code: 'cell_unavailable' },
    })
    await instance.launcher.printed('"reason":"quota"')
    await instance.launcher.printed(`"event":"stopped_statement_recorded","cell":1,"database":"${name}/main"`)
    expect((await db().query('INSERT INTO t VALUES (1, 2)')).body.reason).toBe('quota')
  } finally {
    await instance.stop()
  }
})

test.each([
  ['with the log of its writes', `INSERT INTO t ${endless}`],
  ['with temporary files', `INSERT INTO t SELECT * FROM (${endless}) ORDER BY 2, 1 DESC`],
])('a statement that fills the disk %s is stopped before that, and the room is free again', async (_, sql) => {
  const volume = new SmallVolume(1_024)
  const platform = await startPlatform({
    data: join(volume.path, 'data'),
    watchdog: true,
    // A volume in memory is filled fast, so the launcher must look well before it is full.
    reserveMb: 500,
    failures: ['database_suspended'],
    environment: { QUERY_TIMEOUT_S: '60' },
  })
  try {
    const { db, tokenId } = await platform.createNamespace('acme')
    await db().query('CREATE TABLE t (n, x)')
    volume.fill(900 * MB)
    const before = volume.freeBytes
    await expect(db().query(sql)).rejects.toThrow()
    await expect.poll(() => platform.log.map(({ event }) => event)).toContain('stopped_statement_recorded')
    expect(platform.log.find(({ event }) => event === 'statement_killed')).toMatchObject({ reason: 'disk', tokenId })
    const log = 'SELECT status FROM _persql_query_log WHERE status > 200'
    expect((await eventually(() => db().query(log))).body.data.rows).toEqual([[507]])
    expect(volume.freeBytes).toBeGreaterThan(before - 8 * MB)
    expect((await db().query('SELECT count(*) FROM t')).body.data.rows).toEqual([[0]])
  } finally {
    await platform.stop()
    volume.remove()
  }
})
