import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isRunning } from '../../apps/launcher/src/process-identity.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { type LauncherProcess, launch as launchIn } from '../launcher-process.ts'
import { ObjectFiles } from '../object-files.ts'

let folder: string
let launched: LauncherProcess[]

beforeEach(async () => {
  folder = await makeDataFolder('persql-launcher-')
  launched = []
})

afterEach(async () => {
  await Promise.all(launched.map((launcher) => launcher.stop()))
  await removeDataFolder(folder)
})

function launch(settings: Record<string, string> = {}, within: string[] = []): LauncherProcess {
  const launcher = launchIn(folder, settings, within)
  launched.push(launcher)
  return launcher
}

const inData = (name: string): string => join(folder, 'data', name)
const readJson = async (name: string) => JSON.parse(await readFile(inData(name), 'utf8'))
const mode = async (name: string): Promise<number> => (await stat(inData(name))).mode & 0o777

async function paste(command: string) {
  const { stdout } = await promisify(execFile)('sh', ['-c', command.replace(/^curl/, 'curl --silent')])
  return JSON.parse(stdout)
}

test('a new user pastes the printed curl commands and rows come back', async () => {
  const { commands } = await launch().welcome()
  expect(commands).toHaveLength(2)
  const [query, batch] = commands as [string, string]
  expect(await paste(query)).toMatchObject({
    success: true,
    data: { columns: ['greeting', 'at'], rows: [['hello from PerSQL', expect.any(String)]] },
  })
  const { data } = await paste(batch)
  expect(data[2]).toMatchObject({ columns: ['id', 'text'], rows: [[1, 'my first row']] })
})

test('each request is a line of the log, and no line holds a token, a parameter or what stood behind the "?"', async () => {
  const launcher = launch()
  const { url } = await launcher.welcome()
  const { token } = await readJson('bootstrap.json')
  const headers = { authorization: `Bearer ${token}` }
  const call = (path: string, body: object) =>
    fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  await call('/v1/db/acme/main/query?hidden=in-the-query-string', { sql: 'SELECT ?', params: ['a secret parameter'] })
  await call('/v1/db/acme/main/query', { sql: 'SELEC' })
  await call('/api/invitations/inv_acme_a-secret-invitation/accept', {})
  await fetch(`${url}/api/auth/reset-password/a-secret-reset`)
  await launcher.printed('sql_error')
  await launcher.printed('/api/auth/reset-password/…')
  const lines = launcher.stdout.split('\n').filter((line) => line.startsWith('{') && line.includes('"event":"request"'))
  const ours = lines.map((line) => JSON.parse(line)).filter(({ operation }) => operation === 'query')
  const expected = {
    level: 'info',
    event: 'request',
    method: 'POST',
    path: '/v1/db/acme/main/query',
    operation: 'query',
    namespace: 'acme',
    database: 'main',
  }
  const measured = {
    at: expect.stringMatching(/Z$/),
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    ms: expect.any(Number),
    address: '127.0.0.1',
  }
  expect(ours).toEqual([
    { ...expected, ...measured, status: 200 },
    { ...expected, ...measured, status: 400, code: 'sql_error' },
  ])
  const said = `${launcher.stdout.slice(launcher.stdout.indexOf('Ctrl-C'))}${launcher.stderr}`
  for (const secret of [token, 'a secret parameter', 'in-the-query-string', 'a-secret-'])
    expect(said).not.toContain(secret)
})

test('with LOG_FORMAT=text each request is one readable line, without colors outside of a terminal', async () => {
  const launcher = launch({ LOG_FORMAT: 'text' })
  const { url } = await launcher.welcome()
  const { token } = await readJson('bootstrap.json')
  const ask = (path: string, id: string) =>
    fetch(url + path, { headers: { authorization: `Bearer ${token}`, 'X-Request-Id': id } })
  await ask('/v1/db/acme/main/tables?hidden=yes', 'first')
  await ask('/v1/databases', 'second')
  await ask('/v1/nothing%0Aa/%1B', 'third')
  await launcher.printed('third')
  const lines = launcher.stdout.split('\n').filter((line) => / (first|second|third)( {2}|$)/.test(line))
  const time = /^[\d:]{8}\.\d{3} /
  for (const line of lines) expect(line).toMatch(time)
  expect(lines.map((line) => line.replace(time, '').split(/ {2,}/).toSpliced(1, 1))).toEqual([
    ['200', 'list_tables', 'acme/main', 'first'],
    ['200', 'list_databases', 'acme', 'second'],
    ['404', 'GET', '/v1/nothing%0Aa/%1B', 'third', 'route_not_found'],
  ])
  expect(launcher.stdout).not.toContain('hidden=yes')
})

test('the first start writes bootstrap.json and secret for the owner alone', async () => {
  const { url } = await launch().welcome()
  const bootstrap = await readJson('bootstrap.json')
  expect(bootstrap).toEqual({
    url,
    namespace: 'acme',
    database: 'main',
    token: expect.stringMatching(/^psql_live_acme_/),
  })
  expect(await mode('bootstrap.json')).toBe(0o600)
  expect(await mode('secret')).toBe(0o600)
})

test('the secret stands in no other file that the launcher writes', async () => {
  await launch().welcome()
  const secret = (await readFile(inData('secret'), 'utf8')).trim()
  const files = readdirSync(inData('run'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const run = await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')))
  for (const text of [...run, JSON.stringify(await readJson('bootstrap.json')), launched[0]?.stdout]) {
    expect(text).not.toContain(secret)
  }
})

test.each(['SIGINT', 'SIGTERM'] as const)('%s stops launcher and workerd in order', async (signal) => {
  const launcher = launch()
  await launcher.welcome()
  const { workerd } = await readJson('lock')
  expect(await launcher.stop(signal)).toBe(0)
  expect(isRunning(workerd)).toBe(false)
  expect(existsSync(inData('lock'))).toBe(false)
  // Lines of the request log can follow.
  expect(launcher.stdout).toContain(`${signal} received, stopping`)
})

test('starting again on the same data continues where it was', async () => {
  const first = launch()
  const before = await first.welcome()
  await paste(before.commands[1] as string)
  const { token } = await readJson('bootstrap.json')
  await first.stop()

  const after = await launch().welcome()
  expect(await readJson('bootstrap.json')).toMatchObject({ url: after.url, token })
  const { data } = await paste(after.commands[1] as string)
  expect(data[2].rows).toEqual([
    [1, 'my first row'],
    [2, 'my first row'],
  ])
})

test('the next start removes the files of deleted databases, whose names can be used again', async () => {
  const first = launch()
  const { url } = await first.welcome()
  const { token, namespace } = await readJson('bootstrap.json')
  const send = async (base: string, path: string, body?: unknown, method = 'POST') => {
    const response = await fetch(base + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return (await response.json()).data
  }
  const create = async (base: string) => {
    await send(base, '/v1/databases', { slug: 'short' })
    await send(base, `/v1/db/${namespace}/short/query`, { sql: 'CREATE TABLE t (a)' })
    return send(base, `/v1/db/${namespace}/short/query`, { sql: 'SELECT count(*) FROM t' })
  }
  const files = new ObjectFiles(join(folder, 'data'), 'database')
  const before = files.list().length
  await create(url)
  await send(url, '/v1/databases/short', undefined, 'DELETE')
  expect(files.list()).toHaveLength(before + 1)
  await first.stop()

  const { url: again } = await launch().welcome()
  expect(files.list()).toHaveLength(before)
  expect((await create(again)).rows).toEqual([[0]])
})

test('PERSQL_BOOTSTRAP names the first database, or makes none when off', async () => {
  const none = launch({ PERSQL_BOOTSTRAP: 'off' })
  expect((await none.welcome()).commands).toEqual([])
  expect(existsSync(inData('bootstrap.json'))).toBe(false)
  await none.stop()
  await launch({ PERSQL_BOOTSTRAP: 'studio/inventory' }).welcome()
  expect(await readJson('bootstrap.json')).toMatchObject({ namespace: 'studio', database: 'inventory' })
})

test('a lost bootstrap.json is replaced with a fresh token for the same database', async () => {
  const first = launch()
  const { commands } = await first.welcome()
  await paste(commands[1] as string)
  const { token } = await readJson('bootstrap.json')
  await first.stop()
  await rm(inData('bootstrap.json'))

  const again = await launch().welcome()
  expect((await readJson('bootstrap.json')).token).not.toBe(token)
  expect((await paste(again.commands[1] as string)).data[2].rows).toHaveLength(2)
})

test('settings come from .env too, and the environment wins', async () => {
  await writeFile(join(folder, '.env'), 'PERSQL_DATA=./data/inner\nPERSQL_BOOTSTRAP=from-file/main\nPORT=nonsense\n')
  await launch({ PERSQL_BOOTSTRAP: 'from-environment/main' }).welcome()
  expect(await readJson('inner/bootstrap.json')).toMatchObject({ namespace: 'from-environment' })
})

test('PERSQL_URL is the address that bootstrap.json and the printed commands give', async () => {
  const launcher = launch({ PERSQL_URL: 'https://sql.example.com/' })
  const { commands } = await launcher.welcome()
  expect((await readJson('bootstrap.json')).url).toBe('https://sql.example.com')
  expect(commands[0]).toContain("curl 'https://sql.example.com/v1/db/acme/main/query'")
})

test('a wrong setting ends the launcher with a sentence about each and nothing else', async () => {
  const launcher = launch({ PORT: 'eighty', QUERY_TIMEOUT_S: '0' })
  expect(await launcher.exitCode()).toBe(1)
  expect(launcher.stdout).toBe('')
  expect(launcher.stderr).toMatch(/^PORT must be .*\.\nQUERY_TIMEOUT_S must be .*\.\n$/)
  expect(existsSync(join(folder, 'data'))).toBe(false)
})

test('a port in use ends the launcher with a sentence that says so', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  const { port } = await new Promise<AddressInfo>((resolve) =>
    other.on('listening', () => resolve(other.address() as AddressInfo)),
  )
  const launcher = launch({ PORT: String(port) })
  expect(await launcher.exitCode()).toBe(1)
  expect(launcher.stderr).toMatch(new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is already in use\\..*\\n$`))
  other.close()
})

test('data of a newer version is left alone: the launcher names both versions and ends', async () => {
  const first = launch()
  await first.welcome()
  const stamp = await readJson('format.json')
  expect(stamp).toEqual({ format: expect.any(Number), writtenBy: expect.any(String), oldestReader: expect.any(Number) })
  await first.stop()
  const newer = JSON.stringify({ format: stamp.format + 1, writtenBy: '99.0.0', oldestReader: stamp.format + 1 })
  await writeFile(inData('format.json'), newer)
  const older = launch()
  expect(await older.exitCode()).toBe(1)
  expect(older.stderr).toContain('PerSQL 99.0.0')
  expect(older.stderr).toContain(`PerSQL ${stamp.writtenBy}`)
  expect(await readFile(inData('format.json'), 'utf8')).toBe(newer)
  await writeFile(inData('format.json'), '{"format":')
  const puzzled = launch()
  expect(await puzzled.exitCode()).toBe(1)
  expect(puzzled.stderr).toMatch(/format\.json is damaged.*\n$/)
  // Data of versions without a stamp is accepted.
  await rm(inData('format.json'))
  const { commands } = await launch().welcome()
  expect(await paste(commands[0] as string)).toMatchObject({ success: true })
  expect(await readJson('format.json')).toEqual(stamp)
})

test('a second launcher on the same data is refused, and the first is not disturbed', async () => {
  const { commands } = await launch().welcome()
  const second = launch()
  expect(await second.exitCode()).toBe(1)
  expect(second.stderr).toMatch(/is already in use by another PerSQL process \(PID \d+\)\. .*\n$/)
  expect(await paste(commands[0] as string)).toMatchObject({ success: true })
})

test('a launcher in another container is refused, and one that was killed there leaves nothing in the way', async () => {
  const container = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']
  const first = launch({}, container)
  const { commands } = await first.welcome()
  for (const second of [launch(), launch({}, container)]) {
    expect(await second.exitCode()).toBe(1)
    expect(second.stderr).toMatch(/is already in use by another PerSQL process \(PID \d+\)\. .*\n$/)
  }
  expect(await paste(commands[0] as string)).toMatchObject({ success: true })
  await first.stop('SIGKILL')
  const next = launch({}, container)
  expect(await paste((await next.welcome()).commands[0] as string)).toMatchObject({ success: true })
  // Container runtimes don't forward Ctrl-C.
  await next.stop('SIGKILL')
})

test('of several launchers started at the same moment one runs', async () => {
  const all = Array.from({ length: 4 }, () => launch())
  const outcomes = await Promise.all(
    all.map((launcher) =>
      Promise.race([launcher.welcome().then(() => 'runs'), launcher.exitCode().then((code) => `exit ${code}`)]).catch(
        () => 'exit 1',
      ),
    ),
  )
  expect(outcomes.sort()).toEqual(['exit 1', 'exit 1', 'exit 1', 'runs'])
})

test('a launcher that was killed leaves neither a lock nor a workerd in the way of the next', async () => {
  const killed = launch()
  const { commands } = await killed.welcome()
  await paste(commands[1] as string)
  const { workerd } = await readJson('lock')
  await killed.stop('SIGKILL')
  const next = await launch().welcome()
  expect(isRunning(workerd)).toBe(false)
  expect((await paste(next.commands[1] as string)).data[2].rows).toHaveLength(2)
})

test.each(['SIGKILL', 'SIGINT'] as const)(
  'the process that hashes passwords ends with a launcher that gets %s',
  async (signal) => {
    const launcher = launch()
    await launcher.welcome()
    const [pid, ...others] = readdirSync('/proc').map(Number).filter(isHashingHere)
    expect([pid, others]).toEqual([expect.any(Number), []])
    await launcher.stop(signal)
    while (isRunning({ pid: pid as number })) await delay(20)
    if (signal === 'SIGKILL') await launch().welcome()
  },
)

/** Returns whether a process hashes passwords for a launcher of this test. */
function isHashingHere(pid: number): boolean {
  try {
    const program = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[1] ?? ''
    return program.endsWith('run/hashing.cjs') && readlinkSync(`/proc/${pid}/cwd`) === folder
  } catch {
    return false
  }
}
