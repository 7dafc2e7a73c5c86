import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Kind, objectFile, readFile as readObject, readValue } from '../../apps/launcher/src/object-files.ts'
import { LogSweep, type LogUse } from '../../apps/launcher/src/vacuum/log-sweep.ts'
import { maxExcessBytes, ordinaryBytes } from '../../apps/launcher/src/vacuum/long-logs.ts'
import { getFileSize } from '../file-size.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { holdRead } from '../object-files.ts'
import { hasReaders } from '../reader-count.ts'
import { openTransactions } from '../transactions.ts'

const MB = 1_000_000

let platform: TestPlatform
beforeAll(async () => {
  platform = await startPlatform({
    vacuumMs: 120_000,
    readers: 1,
    watchdog: true,
    environment: { PERSQL_WELCOME_CREDIT_USD: '50', PERSQL_QUOTA_DATABASE_BYTES: '90 MB' },
  })
})
afterAll(() => platform.stop())

/** Inserts this many megabytes in one statement. */
const insert = (megabytes: number): string =>
  `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${megabytes}) INSERT INTO t (b) SELECT zeroblob(1000000) FROM n`
const TABLE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, b)'

let made = 0
const createNamespace = async () => platform.createNamespace(`ns-${++made}`)
type Namespace = Awaited<ReturnType<typeof createNamespace>>
type Db = Awaited<ReturnType<Namespace['make']>>

async function open(...statements: string[]): Promise<Db> {
  return (await createNamespace()).make(TABLE, ...statements)
}

const toFile = ({ path }: Db): string => objectFile(platform.data, 'database', path.slice('/v1/db/'.length))
const readLog = (db: Db): number => getFileSize(`${toFile(db)}-wal`)
const getExcess = (db: Db): number => Math.max(0, readLog(db) - ordinaryBytes)
const countRows = async (db: Db): Promise<number> => (await db.query('SELECT count(*) FROM t')).body.data.rows[0][0]
const checkIntegrity = (db: Db) =>
  readObject(toFile(db), (sqlite) => sqlite.prepare('PRAGMA integrity_check').raw().all(), 'shared')

/** Shortens the log of a database as the launcher does. */
async function shorten({ path }: Db) {
  const body = { database: path.slice('/v1/db/'.length) }
  const answer = await platform.request('/api/launcher/log', { token: platform.secret, body })
  return answer.body.data
}

/** Sweeps, as the launcher does, until `isDone`. Returns the entries of the log. */
async function sweepUntil(isDone: (use: LogUse) => boolean | Promise<boolean>) {
  const entries: object[] = []
  const sweep = new LogSweep({
    ...{ data: platform.data, secret: platform.secret, everyMs: 50 },
    localUrls: () => [platform.url],
    log: (level, event, fields) => void entries.push({ level, event, ...fields }),
  })
  sweep.start()
  try {
    while (!(await isDone(sweep.getUse(0)))) await delay(20)
  } finally {
    await sweep.stop()
  }
  return { entries, use: sweep.getUse(0) }
}

describe('the log of one large write gets short while its database is in use', () => {
  const cases: [string, (db: Db) => Promise<number>, number][] = [
    ['that its quota refuses', async (db) => (await db.query(insert(122))).status, 409],
    [
      'of a batch that fails',
      async (db) => (await db.batch([{ sql: insert(80) }, { sql: 'SELEC' }], { transaction: true })).status,
      400,
    ],
    ['that commits', async (db) => (await db.query(insert(80))).status, 200],
    [
      'of an open transaction, which repeats and undoes it',
      async (db) => {
        const tx = await openTransactions(db).begin()
        for (let i = 0; i < 3; i++) await tx.run(insert(26))
        return (await tx.send('SELECT 1')).status
      },
      200,
    ],
  ]
  test.each(cases)('%s', async (_, write, status) => {
    const db = await open("INSERT INTO t (b) VALUES ('kept')")
    expect(await write(db)).toBe(status)
    const rows = await countRows(db)
    expect(getExcess(db)).toBeGreaterThan(maxExcessBytes.namespace)
    const { entries, use } = await sweepUntil(async ({ shortened }) => {
      expect(await countRows(db)).toBe(rows)
      return shortened > 0 && getExcess(db) === 0
    })
    expect([entries, use.shortened]).toEqual([[], 1])
    expect((await db.query("INSERT INTO t (b) VALUES ('after')")).status).toBe(200)
    expect(checkIntegrity(db)).toEqual([['ok']])
  })
})

test('the logs of one namespace get short together, and those of others stay', async () => {
  const [acme, other] = [await createNamespace(), await createNamespace()]
  const dbs = await Promise.all(Array.from({ length: 6 }, () => acme.make(TABLE, insert(30))))
  const neighbor = await other.make(TABLE, insert(30))
  const sum = () => dbs.reduce((total, db) => total + getExcess(db), 0)
  expect(sum()).toBeGreaterThan(2 * maxExcessBytes.namespace)
  const { entries } = await sweepUntil(async () => {
    // An idle database would be closed, which removes its log.
    for (const db of [...dbs, neighbor]) expect(await countRows(db)).toBe(30)
    return sum() <= maxExcessBytes.namespace
  })
  expect(entries).toEqual([])
  expect(readLog(neighbor)).toBeGreaterThan(30 * MB)
})

test('the log of a snapshot, which has the whole database in one transaction, gets short', async () => {
  const db = await open(insert(80))
  let id = ''
  // The runtime closes an idle snapshot after a while, which removes its log before a sweep can find it.
  for (let shortened = 0; shortened === 0; ) {
    id = (await db.request('/snapshots', { body: { label: 'large' } })).body.data.id
    const log = `${objectFile(platform.data, 'database', `${db.path.slice('/v1/db/'.length)}@${id}`)}-wal`
    const { entries, use } = await sweepUntil(({ shortened }) => shortened > 0 || getFileSize(log) === 0)
    expect(entries).toEqual([])
    expect(getFileSize(log)).toBeLessThanOrEqual(ordinaryBytes)
    shortened = use.shortened
  }
  expect((await db.query('DELETE FROM t')).status).toBe(200)
  expect((await db.request('/restore', { body: { snapshotId: id } })).status).toBe(200)
  expect(await countRows(db)).toBe(80)
})

test.each<[Kind, string]>([
  ['namespace', 'logs-of-all'],
  ['directory', 'directory'],
])('the log of a %s gets short while it is in use, and its calls continue', async (kind, name) => {
  const namespace = await platform.createNamespace('logs-of-all')
  const file = objectFile(platform.data, kind, name)
  let shortened = 0
  while (shortened < 5) {
    const create = () => platform.request('/v1/tokens', { token: namespace.token, body: { name: 'more' } })
    const account = () => platform.signUp(`${kind}-${++made}@example.com`)
    const body = { kind, object: basename(file, '.sqlite') }
    const [answer, { status }] = await Promise.all([
      platform.request('/api/launcher/log', { token: platform.secret, body }),
      create(),
      account(),
    ])
    expect([answer.status, status]).toEqual([200, 200])
    if ('freedBytes' in answer.body.data) shortened++
    else expect(answer.body.data).toEqual({ skipped: 'busy' })
  }
  expect(readObject(file, (sqlite) => readValue(sqlite, 'vacuuming'), 'shared')).toBeUndefined()
  expect(readObject(file, (sqlite) => sqlite.prepare('PRAGMA integrity_check').raw().all(), 'shared')).toEqual([['ok']])
})

test('calls during it wait, and no write is lost', async () => {
  const db = await open()
  let isWriting = true
  let shortened = 0
  const shortening = (async () => {
    while (isWriting) if ('freedBytes' in (await shorten(db))) shortened++
  })()
  const ids = Array.from({ length: 400 }, (_, i) => i + 1)
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop())
        expect((await db.query('INSERT INTO t VALUES (?, zeroblob(5000))', [id])).status).toBe(200)
    }),
  )
  isWriting = false
  await shortening
  expect(shortened).toBeGreaterThan(0)
  expect(await countRows(db)).toBe(400)
  expect(checkIntegrity(db)).toEqual([['ok']])
})

test.runIf(hasReaders)('a log that a reader has open gets short before the next read', async () => {
  const db = await open(insert(80))
  const count = 'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000000) SELECT count(*) FROM n'
  const reading = db.query(count)
  while (!/^persql_reads_running [1-9]/m.test((await platform.request('/metrics')).body)) await delay(5)
  expect(await shorten(db)).toEqual({ skipped: 'busy' })
  expect((await reading).status).toBe(200)
  expect(readLog(db)).toBeGreaterThan(80 * MB)
  const read = 'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) SELECT count(*) FROM n'
  expect((await db.query(read)).body.data.rows).toEqual([[30_000]])
  expect(readLog(db)).toBeLessThan(MB)
})

test('a reader outside of PerSQL, such as a backup, only delays it', async () => {
  const db = await open(insert(10))
  const endRead = await holdRead(toFile(db))
  expect((await db.query("INSERT INTO t (b) VALUES ('more')")).status).toBe(200)
  expect(await shorten(db)).toEqual({ skipped: 'busy' })
  expect((await db.query("INSERT INTO t (b) VALUES ('more')")).status).toBe(200)
  await endRead()
  expect(await shorten(db)).toHaveProperty('freedBytes')
  expect([readLog(db) < MB, await countRows(db)]).toEqual([true, 12])
})

/** Finds the processes that work on files of this platform. */
async function findPids(): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return pids.filter((_, i) => commands[i]?.includes(`${platform.data}/run/vacuum.cjs`)).map(Number)
}

test.each<[string, (db: Db) => Promise<unknown>]>([
  [
    'the process that does it',
    async () => {
      for (const pid of await findPids()) process.kill(pid, 'SIGKILL')
    },
  ],
  ['the platform', () => platform.kill()],
])('nothing is lost if %s is killed during it', async (_, kill) => {
  const db = await open()
  for (let i = 0; i < 5; i++) {
    expect((await db.query(insert(10))).status).toBe(200)
    const running = shorten(db).catch(() => undefined)
    await delay(i * 3)
    await kill(db)
    await running
    while ((await platform.request('/healthz').catch(() => undefined))?.status !== 200) await delay(20)
    expect((await db.query('UPDATE t SET b = 1 WHERE id % 10 = ?', [i])).status).toBe(200)
    expect(await countRows(db)).toBe(i * 10 + 10)
  }
  expect(readObject(toFile(db), (sqlite) => readValue(sqlite, 'vacuuming'), 'shared')).toBeUndefined()
  expect(await shorten(db)).toHaveProperty('freedBytes')
  expect(checkIntegrity(db)).toEqual([['ok']])
})

test('without the service nothing happens, and a request for another object is refused', async () => {
  const token = platform.secret
  const object = '0'.repeat(64)
  for (const body of [
    ...[{}, { database: 'acme' }, { database: 'a/b', id: 1 }, { kind: 'database' }, { kind: 'metadata', object }],
    ...[
      { kind: 'database', object: 'short' },
      { kind: 'database', object, database: 'a/b' },
    ],
    // An ID contains a checksum.
    { kind: 'database', object },
  ])
    expect((await platform.request('/api/launcher/log', { token, body })).status).toBe(400)
  expect((await platform.request('/api/launcher/log', { body: { database: 'a/b' } })).status).toBe(401)
})
