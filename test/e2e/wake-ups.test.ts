import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

const HOUR_MS = 3_600_000
let platform: TestPlatform
let token: string

beforeEach(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  token = (await platform.createNamespace('acme')).token
})
afterEach(() => platform.stop())

const db = (slug: string) => platform.database('acme', slug, token)

/** Creates a database with a schedule that inserts a row every hour. */
async function schedule(slug: string): Promise<void> {
  await platform.request('/v1/databases', { token, body: { slug } })
  await db(slug).query('CREATE TABLE t (n)')
  const body = { name: 'hourly', sql: 'INSERT INTO t VALUES (1)', intervalSec: 3_600 }
  expect((await db(slug).request('/schedules', { body })).status).toBe(200)
}

/** Repeats an assertion until it holds. */
const eventually = <T>(read: () => T) => expect.poll(read)

const countRows = async (slug: string) => (await db(slug).query('SELECT count(*) FROM t')).body.data?.rows[0][0]

/** Sets the clock ahead. The namespace then wakes the databases that are due. */
async function setClock(aheadMs: number): Promise<void> {
  const answer = await platform.request('/api/dev/clock', { token: platform.secret, body: { aheadMs } })
  expect(answer.status).toBe(200)
}

function readTable(file: string, sql: string): Record<string, unknown>[] {
  const text = execFileSync('sqlite3', ['-json', join(platform.data, 'objects', file), sql], { encoding: 'utf8' })
  return text ? JSON.parse(text) : []
}

/** Returns the native alarms of databases. */
const nativeAlarms = () => readTable('database/metadata.sqlite', 'SELECT * FROM _cf_ALARM')

/** Returns the milliseconds until each wake-up of the namespace, by name. */
function wakeUps(): Record<string, number> {
  const names = readdirSync(join(platform.data, 'objects', 'namespace'))
  const [file] = names.filter((name) => /^[0-9a-f]+\.sqlite$/.test(name))
  const rows = readTable(`namespace/${file}`, 'SELECT name, at FROM wake_up')
  return Object.fromEntries(rows.map(({ name, at }) => [name, Number(at) - Date.now()]))
}

test('the namespace wakes a database whose schedule is due, once for each time', async () => {
  await schedule('one')
  await schedule('two')
  await setClock(HOUR_MS + 1_000)
  await eventually(() => countRows('one')).toBe(1)
  await eventually(() => countRows('two')).toBe(1)
  await setClock(HOUR_MS + 1_500)
  await setClock(2 * HOUR_MS + 1_000)
  await eventually(() => countRows('one')).toBe(2)
  expect(nativeAlarms()).toEqual([])
})

test('a schedule that a crash follows immediately runs on time', async () => {
  await schedule('main')
  await platform.kill()
  // The lease ensures a wake-up soon, whether or not the time of the schedule arrived.
  expect(wakeUps().main).toBeLessThanOrEqual(60_000)
  await platform.restart()
  await setClock(61_000)
  await eventually(() => wakeUps().main).toBeGreaterThan(60_000 + 61_000)
  expect(await countRows('main')).toBe(0)
  await setClock(HOUR_MS + 1_000)
  await eventually(() => countRows('main')).toBe(1)
  expect(nativeAlarms()).toEqual([])
})

test('a deleted database is no longer woken', async () => {
  await schedule('main')
  await schedule('other')
  expect(Object.keys(wakeUps())).toEqual(['main', 'other'])
  expect((await platform.request('/v1/databases/main', { method: 'DELETE', token })).status).toBe(200)
  await eventually(() => Object.keys(wakeUps())).toEqual(['other'])
})

test('an idle database without timers is woken once more after its lease, and not again', async () => {
  await db('main').query('SELECT 1')
  expect(Object.keys(wakeUps())).toEqual(['main'])
  await platform.restart()
  await setClock(61_000)
  await eventually(wakeUps).toEqual({})
  // The wake-up took no lease.
  expect((await platform.request('/metrics')).body).not.toMatch(/^persql_leases [1-9]/m)
})

test('a database that returned its lease is woken only for its next timer', async () => {
  await schedule('timed')
  await db('idle').query('SELECT 1')
  expect(wakeUps()).toMatchObject({ timed: expect.any(Number), idle: expect.any(Number) })
  // Both return their lease after some seconds without a call.
  await eventually(() => Object.keys(wakeUps())).toEqual(['timed'])
  await eventually(() => wakeUps().timed).toBeGreaterThan(61_000)
  await setClock(61_000)
  expect(wakeUps().timed).toBeGreaterThan(61_000)
  await setClock(HOUR_MS + 1_000)
  await eventually(() => countRows('timed')).toBe(1)
})

test('a timer that is set after a lease was returned is registered', async () => {
  await db('main').query('CREATE TABLE t (n)')
  await eventually(wakeUps).toEqual({})
  await schedule('other')
  const body = { name: 'hourly', sql: 'INSERT INTO t VALUES (1)', intervalSec: 3_600 }
  expect((await db('main').request('/schedules', { body })).status).toBe(200)
  await eventually(() => wakeUps().main).toBeGreaterThan(61_000)
  await setClock(HOUR_MS + 1_000)
  await eventually(() => countRows('main')).toBe(1)
})

test('a database is woken again while it holds a lease', async () => {
  await db('main').query('SELECT 1')
  expect(wakeUps().main).toBeLessThanOrEqual(60_000)
  await setClock(61_000)
  // The row stays when the wake-up ends, long before the lease is renewed.
  for (let round = 0; round < 20; round++) {
    await db('main').query('SELECT 1')
    expect(wakeUps().main).toBeGreaterThan(61_000)
  }
})
