import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { type PlatformSettings, startPlatform, type TestPlatform } from '../harness.ts'
import { launch } from '../launcher-process.ts'

const HOUR_MS = 3_600_000
const SECRET = 'the-same-secret-for-each-start'
let data: string
let platform: TestPlatform
let token: string

// Data format 2 had native alarms of databases. The runtime keeps such alarms with the setting for Cloudflare.
beforeEach(async () => {
  data = await makeDataFolder('persql-move-alarms-')
  await start({ PERSQL_RUNTIME: 'cloudflare' })
  token = (await platform.createNamespace('acme')).token
  await schedule('one')
  await schedule('two')
  await platform.stop()
  expect(nativeAlarms()).toEqual(['acme/one', 'acme/two'])
})
afterEach(async () => {
  await platform.stop()
  await removeDataFolder(data)
})

async function start(environment: PlatformSettings['environment'] = {}) {
  // Calls to a damaged database fail with `unavailable`.
  platform = await startPlatform({
    data,
    failures: ['unavailable', 'database_damaged'],
    environment: { PERSQL_DEV: '1', PERSQL_SECRET: SECRET, ...environment },
  })
}

/** Starts and stops the platform like `npm start`. */
async function launchOnce(): Promise<void> {
  const launcher = launch(data, { PERSQL_DATA: data, PERSQL_SECRET: SECRET, PERSQL_BOOTSTRAP: 'off' })
  await launcher.printed('Press Ctrl-C to stop.')
  expect(nativeAlarms()).toEqual([])
  expect(await launcher.stop()).toBe(0)
}

const db = (slug: string) => platform.database('acme', slug, token)

/** Creates a database with a schedule that inserts a row every hour. */
async function schedule(slug: string): Promise<void> {
  await platform.request('/v1/databases', { token, body: { slug } })
  await db(slug).query(`CREATE TABLE t (${slug})`)
  const body = { name: 'hourly', sql: 'INSERT INTO t VALUES (1)', intervalSec: 3_600 }
  expect((await db(slug).request('/schedules', { body })).status).toBe(200)
}

/** Moves the clock past the next run of each schedule. */
async function passHour(): Promise<void> {
  const body = { aheadMs: HOUR_MS + 1_000 }
  expect((await platform.request('/api/dev/clock', { token: SECRET, body })).status).toBe(200)
}

/** Repeats an assertion until it holds. */
const eventually = <T>(read: () => T) => expect.poll(read)

const countRows = async (slug: string) => (await db(slug).query('SELECT count(*) FROM t')).body.data?.rows[0][0]

function readColumn(file: string, sql: string): string[] {
  const text = execFileSync('sqlite3', [join(data, 'objects', 'database', file), sql], { encoding: 'utf8' })
  return text.split('\n').filter(Boolean)
}

/** Returns the names of the databases in the runtime's list of alarms. */
const nativeAlarms = () => readColumn('metadata.sqlite', 'SELECT actor_name FROM _cf_ALARM ORDER BY actor_name')

test('native alarms move to the namespaces at the first start', async () => {
  await launchOnce()
  await start()
  await passHour()
  await eventually(() => countRows('one')).toBe(1)
  await eventually(() => countRows('two')).toBe(1)
  expect(nativeAlarms()).toEqual([])
})

test('a damaged database delays no other one', async () => {
  const files = readdirSync(join(data, 'objects', 'database')).filter((name) => /^[0-9a-f]+\.sqlite$/.test(name))
  const damaged = files.find((file) => readColumn(file, "SELECT name FROM pragma_table_info('t')").includes('two'))
  writeFileSync(join(data, 'objects', 'database', String(damaged)), 'not a database'.repeat(1_000))
  await launchOnce()
  await start()
  await passHour()
  await eventually(() => countRows('one')).toBe(1)
  expect((await db('two').query('SELECT 1')).body.code).toBe('database_damaged')
})

test('only the operator can move alarms', async () => {
  await start()
  const body = { names: ['acme/one'] }
  const path = '/api/launcher/alarms'
  expect((await platform.request(path, { body })).body.code).toBe('operator_only')
  expect((await platform.request(path, { body, token })).body.code).toBe('operator_only')
  for (const wrong of [{}, { names: ['one'] }, { names: [1] }, '{']) {
    expect((await platform.request(path, { body: wrong, token: SECRET })).body.code).toBe('invalid_input')
  }
})
