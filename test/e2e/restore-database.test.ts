import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { hashToCell } from '../../apps/platform/src/cell-hash.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { LaunchedInstance, startOperator } from '../launched-instance.ts'
import { everything, everyValue } from '../schemas.ts'
import { uniqueName } from '../shared-platform.ts'
import { type Database, exportText, maker, readRows } from '../transfer.ts'

const CELLS = 2

let live: LaunchedInstance
let scratch: string
let target: string
let token: string
let source: Database
beforeAll(async () => {
  scratch = await makeDataFolder('persql-restore-database-')
  target = join(scratch, 'target')
  live = await LaunchedInstance.create({ IMPORT_MAX_MB: '8', PERSQL_CELLS: String(CELLS) })
  await live.start()
  token = (await live.createNamespace('acme')).token
  const make = maker(live, token)
  source = await make(
    ...everything,
    ...everyValue,
    'CREATE TABLE keyless (n)',
    'INSERT INTO keyless (rowid, n) VALUES (7, 1), (9, 9007199254740993)',
    'DELETE FROM keyless WHERE rowid = 7',
    'CREATE TABLE blobs (id INTEGER PRIMARY KEY, content BLOB) ',
    "INSERT INTO blobs VALUES (1, x'0001fe'), (2, zeroblob(150000))",
  )
  // The values of the platform in the file: an endpoint, a change log.
  const spec = {
    slug: 'count',
    name: 'Count',
    kind: 'query',
    method: 'GET',
    sql: 'SELECT 1',
    input: [],
    output: 'rows',
  }
  expect((await source.request('/endpoints', { body: spec })).status).toBe(200)
  const large = await make('CREATE TABLE t (content)')
  for (let number = 0; number < 10; number++) {
    expect((await large.query('INSERT INTO t VALUES (randomblob(1000000))')).status).toBe(200)
  }
  await make('SELECT 1')
  expect(await live.operator('backup', target)).toMatchObject({ code: 0, stderr: '' })
})
afterAll(async () => {
  await live.remove()
  await removeDataFolder(scratch)
})

const restoreDatabase = (from: string, to: string, { place = target, url = live.url } = {}) =>
  live.operator('restore', place, '--database', from, '--as', to, '--url', url)
const listDatabases = async (): Promise<string[]> =>
  (await live.request('/v1/databases', { token })).body.data.map(({ slug }: { slug: string }) => slug)
const listTokens = async (): Promise<string[]> =>
  (await live.request('/v1/tokens', { token })).body.data.map(({ name }: { name: string }) => name)

test('a database comes back beside the running ones, with each row, rowid and index', async () => {
  const before = await exportText(source)
  await source.query('DELETE FROM keyless')
  const { code, stdout, stderr } = await restoreDatabase('acme/db-1', 'acme/again')
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(
    /acme\/again has the rows and schema of acme\/db-1 in backup .*: \d+ tables, \d+ rows\.\nThe import cost \$0\.\d+/,
  )
  expect(stdout).toContain('Not restored: endpoints, webhooks')
  const restored = live.database('acme', 'again', token)
  expect(await exportText(restored)).toBe(before)
  expect(await readRows(restored, 'SELECT rowid, CAST(n AS TEXT) FROM keyless')).toEqual([[9, '9007199254740993']])
  expect(await readRows(restored, "SELECT rowid FROM own WHERE own MATCH 'run'")).toEqual([[7]])
  expect(await readRows(restored, 'SELECT id, length(content), hex(substr(content, 1, 3)) FROM blobs')).toEqual([
    [1, 3, '0001FE'],
    [2, 150000, '000000'],
  ])
  expect((await restored.request('/endpoints')).body.data).toEqual([])
  expect(await readRows(source, 'SELECT count(*) FROM keyless')).toEqual([[0]])
  expect(await listTokens()).toEqual(['test'])
  expect(existsSync(join(live.data, 'tmp', 'restore'))).toBe(false)
})

test('a database comes back from an encrypted target, into each cell of the instance', async () => {
  const sealed = join(scratch, 'sealed')
  const passphrase = ['--passphrase-file', join(scratch, 'passphrase')]
  writeFileSync(passphrase[1] as string, 'a passphrase of a test')
  expect(await live.operator('backup', sealed, ...passphrase)).toMatchObject({ code: 0, stderr: '' })
  for (const name of [uniqueIn(0), uniqueIn(1)]) {
    const { token } = await live.createNamespace(name)
    const args = ['--database', 'acme/db-1', '--as', `${name}/again`, '--url', live.url, ...passphrase]
    expect(await live.operator('restore', sealed, ...args)).toMatchObject({ code: 0, stderr: '' })
    expect(await exportText(live.database(name, 'again', token))).toBe(await exportText(source))
  }
})

test('a database without tables comes back', async () => {
  const { stdout, ...result } = await restoreDatabase('acme/db-3', 'acme/empty')
  expect(result).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('0 tables, 0 rows')
  expect(await listDatabases()).toContain('empty')
  expect(await listTokens()).toEqual(['test'])
})

/** Returns a name of a namespace in this cell. */
function uniqueIn(cell: number): string {
  for (;;) {
    const name = uniqueName()
    if (hashToCell(name, CELLS) === cell) return name
  }
}

/** Changes a byte in the copy of the source, in a copy of the target. */
async function damageCopy(): Promise<string> {
  const place = join(scratch, 'damaged')
  await cp(target, place, { recursive: true })
  const [manifest = ''] = readdirSync(join(place, 'backups'))
  const { objects } = JSON.parse(readFileSync(join(place, 'backups', manifest), 'utf8')).manifest as {
    objects: { name: string; sha256: string }[]
  }
  const file = join(place, 'files', objects.find(({ name }) => name === 'acme/db-1')?.sha256 as string)
  const content = readFileSync(file)
  content[5000] = (content[5000] as number) ^ 1
  writeFileSync(file, content)
  return place
}

test.each<[string, number, string, () => ReturnType<typeof restoreDatabase>]>([
  [
    'a name that is taken',
    2,
    'Database "acme/main" already exists (409)',
    () => restoreDatabase('acme/db-1', 'acme/main'),
  ],
  [
    'a database that the backup lacks',
    2,
    'It has: acme/db-1, acme/db-2',
    () => restoreDatabase('acme/db-9', 'acme/new'),
  ],
  [
    'a namespace that the instance lacks',
    2,
    'Namespace "other" not found',
    () => restoreDatabase('acme/db-1', 'other/new'),
  ],
  ['an invalid name', 2, 'Invalid --as "acme/New"', () => restoreDatabase('acme/db-1', 'acme/New')],
  [
    'no --as',
    2,
    'To restore one database, pass both --database and --as',
    () => live.operator('restore', target, '--database', 'acme/db-1'),
  ],
  [
    'no running instance',
    2,
    "Can't reach http://127.0.0.1:1. Is the instance running?",
    () => restoreDatabase('acme/db-1', 'acme/new', { url: 'http://127.0.0.1:1' }),
  ],
  [
    'a damaged copy',
    1,
    'The copy of acme/db-1 was changed',
    async () => restoreDatabase('acme/db-1', 'acme/new', { place: await damageCopy() }),
  ],
  [
    'a file that the instance refuses',
    2,
    'acme/new was not restored: The request body exceeds 8 MB.',
    () => restoreDatabase('acme/db-2', 'acme/new'),
  ],
])('%s is refused, and nothing stays', async (_, code, message, run) => {
  const databases = await listDatabases()
  expect(await run()).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) })
  expect(await listDatabases()).toEqual(databases)
  expect(await listTokens()).toEqual(['test'])
  expect(existsSync(join(live.data, 'tmp', 'restore'))).toBe(false)
})

/** Starts a server that passes each call on to the instance, but calls `onImport` instead of passing a file on. */
async function startProxy(onImport: (proxy: Server) => void): Promise<string> {
  const server = createServer(async (request, response) => {
    if (request.url?.includes('/import')) return onImport(server)
    const { method = '', headers } = request
    const body = await buffer(request)
    const answer = await fetch(`${live.url}${request.url}`, {
      method,
      headers: { authorization: headers.authorization ?? '', 'content-type': 'application/json' },
      ...(body.length > 0 && { body: new Uint8Array(body) }),
    })
    response.writeHead(answer.status).end(await answer.text())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a restore that is interrupted during the import leaves no database and no token', async () => {
  const databases = await listDatabases()
  const during: string[][] = []
  const url = await startProxy(async () => {
    during.push(await listTokens(), await listDatabases())
    command.kill('SIGINT')
  })
  const args = ['restore', target, '--database', 'acme/db-1', '--as', 'acme/cut', '--url', url]
  const command = startOperator(args, { PERSQL_DATA: live.data })
  expect(await once(command, 'exit')).toEqual([2, null])
  expect(during).toEqual([expect.arrayContaining(['operator restore']), expect.arrayContaining(['cut'])])
  expect(await listDatabases()).toEqual(databases)
  expect(await listTokens()).toEqual(['test'])
})

test('what stays after an instance stopped during the import is named', async () => {
  const url = await startProxy((proxy) => {
    proxy.close()
    proxy.closeAllConnections()
  })
  const { code, stderr } = await restoreDatabase('acme/db-1', 'acme/half', { url })
  expect([code, stderr]).toEqual([1, expect.stringContaining('acme/half was not restored: ')])
  expect(stderr).toContain("acme/half is incomplete. Delete it. Can't reach ")
  expect(stderr).toContain('Token "operator restore" of acme is still valid. Revoke it. ')
  expect(await listTokens()).toContain('operator restore')
})
