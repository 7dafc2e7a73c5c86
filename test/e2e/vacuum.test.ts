import { readdir, readFile, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { serialize } from 'node:v8'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { objectFile, readIdentity, readFile as readObject, readValue } from '../../apps/launcher/src/object-files.ts'
import { VacuumSweep } from '../../apps/launcher/src/vacuum/vacuum-sweep.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { runOnFile } from '../object-files.ts'
import { hasReaders } from '../reader-count.ts'

const readSqlite = <T>(file: string, read: Parameters<typeof readObject<T>>[1]): T => readObject(file, read, 'shared')

let platform: TestPlatform
beforeAll(async () => {
  platform = await startPlatform({
    vacuumMs: 120_000,
    readers: 1,
    watchdog: true,
    environment: { PERSQL_WELCOME_CREDIT_USD: '50' },
  })
})
afterAll(() => platform.stop())

const everything = { minFreeBytes: 0, minFreeShare: 0, isUrgent: true }
/** Deleted rows of this many megabytes. */
const filler = (megabytes: number): string[] => [
  'CREATE TABLE filler (b)',
  `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${megabytes}) INSERT INTO filler SELECT zeroblob(1000000) FROM n`,
  'DELETE FROM filler',
]

type Opened = Awaited<ReturnType<typeof open>>

let made = 0
/** Creates a database with these statements, in a namespace of its own. */
async function open(...statements: string[]) {
  const namespace = `ns-${++made}`
  const created = await platform.createNamespace(namespace)
  const db = created.db()
  for (const sql of statements) {
    const { status, body } = await db.query(sql)
    expect({ sql, status, body }).toMatchObject({ status: 200 })
  }
  const file = objectFile(platform.data, 'database', `${namespace}/main`)
  return { ...db, namespace, token: created.token, file }
}

/** Runs a VACUUM as the launcher does. */
async function vacuum({ namespace, file }: Opened, wanted: object = {}) {
  const body = { database: `${namespace}/main`, id: readIdentity(file, 'shared')?.id, ...everything, ...wanted }
  return (await platform.request('/api/launcher/vacuum', { token: platform.secret, body })).body.data
}

const readRows = async (db: Opened, sql: string) => (await db.query(sql)).body.data?.rows
const readSize = async ({ file }: Opened): Promise<number> => (await stat(file)).size
const isRunning = ({ file }: Opened): boolean => readSqlite(file, (sqlite) => readValue(sqlite, 'vacuuming')) === true
const leftIndexes = ({ file }: Opened): unknown[] =>
  readSqlite(file, (sqlite) =>
    sqlite.prepare("SELECT name FROM sqlite_master WHERE name GLOB '_persql_rowids_*'").all(),
  )

/** Finds the processes that run a VACUUM of this platform. */
async function vacuumPids(): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return pids.filter((_, i) => commands[i]?.includes(`${platform.data}/run/vacuum.cjs`)).map(Number)
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(5)
}

/** Starts a VACUUM, and waits until it is seen. One that ended before is repeated, with free pages again. */
async function startVacuum(db: Opened, isSeen: () => boolean | Promise<boolean>) {
  for (;;) {
    let isOver = false
    const running = vacuum(db)
      .catch(() => ({ failed: 'no response' }))
      .finally(() => {
        isOver = true
      })
    await until(async () => isOver || (await isSeen()))
    if (!isOver) return { running, hasEnded: () => isOver }
    for (const sql of filler(60).slice(1)) expect((await db.query(sql)).status).toBe(200)
  }
}

/** A database with tables of all kinds, whose rowids have gaps, and free pages. */
const openVaried = (megabytes = 5) =>
  open(
    ...filler(megabytes),
    'CREATE TABLE keyless (a)',
    'INSERT INTO keyless (rowid, a) VALUES (5, 1), (50, 2), (500, 3)',
    'CREATE TABLE texts (body)',
    "CREATE VIRTUAL TABLE found USING fts5(body, content='texts')",
    "INSERT INTO texts (rowid, body) VALUES (7, 'red fox'), (70, 'red hen')",
    'INSERT INTO found (rowid, body) SELECT rowid, body FROM texts',
    'CREATE VIRTUAL TABLE areas USING rtree(id, x, y)',
    'INSERT INTO areas VALUES (9, 1, 2)',
    'CREATE TABLE plain (id INTEGER PRIMARY KEY AUTOINCREMENT, v)',
    "INSERT INTO plain (id, v) VALUES (1, 'a'), (20, 'b')",
    'DELETE FROM plain WHERE id = 20',
  )
const readContent = async (db: Opened) => [
  await readRows(db, 'SELECT rowid, a FROM keyless'),
  await readRows(db, "SELECT rowid, body FROM found WHERE found MATCH 'red'"),
  await readRows(db, 'SELECT * FROM areas'),
  await readRows(db, 'SELECT * FROM plain'),
  await readRows(db, "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE '!_%' ESCAPE '!' ORDER BY name"),
]

test('the file shrinks, and all content stays the same', async () => {
  const db = await openVaried()
  const [before, size] = [await readContent(db), await readSize(db)]
  const { freedBytes } = await vacuum(db)
  expect(freedBytes).toBeGreaterThan(4_000_000)
  expect(await readSize(db)).toBeLessThan(size - 4_000_000)
  expect((await stat(`${db.file}-wal`)).size).toBeLessThan(1_000_000)
  expect(await readContent(db)).toEqual(before)
  expect(leftIndexes(db)).toEqual([])
  expect((await db.query("INSERT INTO found (found) VALUES ('integrity-check')")).status).toBe(200)
  expect((await db.query('INSERT INTO plain (v) VALUES (?)', ['c'])).status).toBe(200)
  expect(await readRows(db, 'SELECT max(id) FROM plain')).toEqual([[21]])
  expect(readSqlite(db.file, (sqlite) => sqlite.prepare('PRAGMA integrity_check').raw().all())).toEqual([['ok']])
  // The dropped index leaves one free page.
  expect(await vacuum(db, { minFreeBytes: 100_000 })).toEqual({ skipped: 'few_free_pages' })
})

test('statements that were compiled before run after it, and a limited token is still limited', async () => {
  const db = await openVaried()
  const minted = await platform.request('/v1/tokens', {
    token: db.token,
    body: { name: 'limited', role: 'readwrite', tableScope: ['plain', 'areas'] },
  })
  const limited = platform.database(db.namespace, 'main', minted.body.data.token)
  /** Other numbers make other statements, which are compiled again. */
  const runAll = async (number: number) => {
    const statuses = []
    for (const sql of [
      `SELECT *, ${number} FROM plain`,
      `SELECT * FROM areas WHERE x > 0 AND y < ${number}`,
      `INSERT INTO plain (v) VALUES (${number})`,
      `SELECT *, ${number} FROM keyless`,
      `SELECT rowid, ${number} FROM found WHERE found MATCH 'fox'`,
      `DELETE FROM keyless WHERE a < ${number}`,
    ])
      statuses.push((await limited.query(sql)).status)
    return statuses
  }
  expect(await runAll(7)).toEqual([200, 200, 200, 403, 403, 403])
  expect(await vacuum(db)).toHaveProperty('freedBytes')
  for (const number of [7, 8]) expect(await runAll(number)).toEqual([200, 200, 200, 403, 403, 403])
})

test('the size of the database is that of its rows', async () => {
  const db = await open(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, v)',
    'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO t SELECT i, zeroblob(400) FROM n',
    // Every page keeps half of its rows, so no page is free.
    'DELETE FROM t WHERE id % 2 = 0',
    ...filler(3),
  )
  const storedBytes = async (): Promise<number> =>
    (await platform.request('/v1/databases', { token: db.token })).body.data[0].storedBytes
  // A database is measured when it is idle.
  await until(async () => {
    const bytes = await storedBytes()
    return bytes > 8_500_000 && bytes < 9_500_000
  })
  expect(await vacuum(db)).toHaveProperty('freedBytes')
  // A report follows a call.
  await db.query('SELECT 1')
  await until(async () => (await storedBytes()) < 4_800_000)
  expect(await storedBytes()).toBeGreaterThan(4_400_000)
})

test('calls that arrive during it wait, and none fails', async () => {
  const db = await openVaried(60)
  await db.query('CREATE TABLE large (b)')
  await db.query(
    'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) INSERT INTO large SELECT zeroblob(1000000) FROM n',
  )
  const before = await readContent(db)
  const { running, hasEnded } = await startVacuum(db, () => isRunning(db))
  expect(hasEnded()).toBe(false)
  const calls = [
    db.query("INSERT INTO plain (v) VALUES ('during')"),
    db.query('SELECT count(*) FROM keyless'),
    db.batch([{ sql: 'CREATE TABLE later (n)' }, { sql: 'INSERT INTO later VALUES (1)' }]),
    db.request('/tables'),
  ]
  expect(hasEnded()).toBe(false)
  expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect(await running).toHaveProperty('freedBytes')
  await db.query('DROP TABLE later')
  await db.query("DELETE FROM plain WHERE v = 'during'")
  expect(await readContent(db)).toEqual(before)
})

test('the change feed, migrations, branches, snapshots and exports work after it', async () => {
  const db = await openVaried()
  const { cursor } = (await db.request('/wait_for_changes?timeoutSec=0')).body.data
  const waiting = db.request(`/wait_for_changes?timeoutSec=25&cursor=${cursor}`)
  const snapshot = await db.request('/snapshots', { body: { label: 'before' } })
  expect(await vacuum(db)).toHaveProperty('freedBytes')
  await db.query("INSERT INTO plain (v) VALUES ('fed')")
  expect((await waiting).body.data.changes).toEqual([{ table: 'plain', kind: 'insert' }])
  const posted = await db.request('/migrations', { body: { name: 'one', sql: 'ALTER TABLE plain ADD COLUMN w' } })
  expect((await db.request(`/migrations/${posted.body.data.id}/apply`, { body: {} })).status).toBe(200)
  const { databaseSlug, token } = (await db.request('/claim_branch', { body: { ref: 'work', role: 'admin' } })).body
    .data
  const branch = platform.database(db.namespace, databaseSlug, token)
  expect((await branch.query('ALTER TABLE plain ADD COLUMN x')).status).toBe(200)
  // Between the branch and its merge.
  await db.query('DELETE FROM areas')
  expect(await vacuum(db)).toHaveProperty('freedBytes')
  const merged = await db.request('/branches/work/merge', { body: { mode: 'schema' } })
  expect(merged.body).toMatchObject({ success: true })
  expect(await readRows(db, 'SELECT w, x FROM plain LIMIT 1')).toEqual([[null, null]])
  expect((await db.request('/restore', { body: { snapshotId: snapshot.body.data.id } })).status).toBe(200)
  expect(await readRows(db, 'SELECT rowid FROM keyless')).toEqual([[5], [50], [500]])
  expect((await db.request('/export?format=sql')).status).toBe(200)
})

test.runIf(hasReaders)('a database with a running read is left alone, and the read ends as usual', async () => {
  const db = await openVaried()
  const reading = db.query(
    'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT count(*), (SELECT count(*) FROM keyless) FROM n',
  )
  await until(async () =>
    / 1$/m.test(/^persql_reads_running .*$/m.exec((await platform.request('/metrics')).body)?.[0] ?? ''),
  )
  expect(await vacuum(db)).toEqual({ skipped: 'busy' })
  expect((await reading).body.data.rows).toEqual([[3_000_000, 3]])
})

test('it waits until a database is idle, or until the launcher no longer does', async () => {
  const db = await openVaried()
  expect(await vacuum(db, { isUrgent: false })).toEqual({ skipped: 'busy' })
  expect(await vacuum(db, { minFreeBytes: 1e9 })).toEqual({ skipped: 'few_free_pages' })
  expect(await vacuum(db, { minFreeShare: 0.99 })).toEqual({ skipped: 'few_free_pages' })
  expect(await vacuum(db)).toHaveProperty('freedBytes')
})

test('only the launcher can ask for it, for the database that it found', async () => {
  const db = await openVaried(1)
  const ask = (token: string, body: object) => platform.request('/api/launcher/vacuum', { token, body })
  const wanted = { database: `${db.namespace}/main`, id: readIdentity(db.file, 'shared')?.id, ...everything }
  expect((await ask(db.token, wanted)).status).toBe(401)
  expect((await ask(platform.secret, { ...wanted, id: 'another' })).body.code).toBe('database_not_found')
  expect((await ask(platform.secret, { ...wanted, more: 1 })).body.code).toBe('invalid_input')
})

test('the sweep finds a file with many free pages, once its database is idle', async () => {
  const [large, small] = [await open(...filler(30)), await open(...filler(3))]
  const [size, sizeOfSmall] = [await readSize(large), await readSize(small)]
  const log: unknown[] = []
  const sweep = new VacuumSweep({
    ...{ data: platform.data, secret: platform.secret, everyMs: 100, idleMs: 0 },
    localUrls: () => [platform.url],
    log: (level, event, fields) => void log.push({ level, event, ...fields }),
  })
  sweep.start()
  await until(() => log.length > 0)
  await sweep.stop()
  const freedBytes = size - (await readSize(large))
  expect(log).toEqual([{ level: 'info', event: 'file_vacuumed', database: `${large.namespace}/main`, freedBytes }])
  expect(freedBytes).toBeGreaterThan(29_000_000)
  // The last writes of this file can still be in its log.
  expect(await readSize(small)).toBeGreaterThanOrEqual(sizeOfSmall)
})

test('the sweep asks for a database that is never idle after some hours', async () => {
  const db = await open(...filler(30))
  const log: unknown[] = []
  const sweep = new VacuumSweep({
    ...{ data: platform.data, secret: platform.secret, everyMs: 100, idleMs: Number.POSITIVE_INFINITY, patienceMs: -1 },
    localUrls: () => [platform.url],
    log: (_level, event, fields) => void log.push({ event, database: fields?.database }),
  })
  sweep.start()
  await until(() => log.length > 0)
  await sweep.stop()
  expect(log).toEqual([{ event: 'file_vacuumed', database: `${db.namespace}/main` }])
})

const kills: [string, (db: Opened) => Promise<unknown>][] = [
  [
    'the process that runs it',
    async () => {
      for (const pid of await vacuumPids()) process.kill(pid, 'SIGKILL')
    },
  ],
  ['the platform', () => platform.kill()],
]
test.each(kills)('nothing is lost if %s is killed during it', async (_name, kill) => {
  const db = await openVaried(60)
  await db.query('CREATE TABLE large (b)')
  await db.query(
    'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) INSERT INTO large SELECT randomblob(1000000) FROM n',
  )
  const before = await readContent(db)
  const { running } = await startVacuum(db, async () => (await vacuumPids()).length > 0)
  await kill(db)
  expect(await running).toHaveProperty('failed')
  await until(async () => (await platform.request('/healthz').catch(() => undefined))?.status === 200)
  expect(await vacuumPids()).toEqual([])
  expect(await readContent(db)).toEqual(before)
  expect((await db.query("INSERT INTO plain (v) VALUES ('after')")).status).toBe(200)
  expect([leftIndexes(db), isRunning(db)]).toEqual([[], false])
  expect(readSqlite(db.file, (sqlite) => sqlite.prepare('PRAGMA integrity_check').raw().all())).toEqual([['ok']])
  expect(await vacuum(db)).toHaveProperty('freedBytes')
})

test('an index that a killed VACUUM left is dropped before the first call', async () => {
  const db = await openVaried(1)
  const before = await readContent(db)
  await platform.kill()
  runOnFile(
    db.file,
    'CREATE INDEX _persql_rowids_0 ON keyless (a) WHERE 0',
    `INSERT INTO _cf_KV VALUES ('vacuuming', x'${serialize(true).toString('hex')}')`,
  )
  await until(async () => (await platform.request('/healthz').catch(() => undefined))?.status === 200)
  expect(await readRows(db, "SELECT name FROM sqlite_master WHERE tbl_name = 'keyless'")).toEqual([['keyless']])
  expect(await readContent(db)).toEqual(before)
  expect([leftIndexes(db), isRunning(db)]).toEqual([[], false])
})
