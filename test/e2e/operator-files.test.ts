import { cpSync, lchownSync, lstatSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findUse, objectFile } from '../../apps/launcher/src/object-files.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { LaunchedInstance, runOperator } from '../launched-instance.ts'

const otherUser = 65_534
const isRoot = process.getuid?.() === 0

let scratch: string
const folders: Record<string, string> = {}

/** Copies the data of an instance that has stopped, and gives it to another user if this process can. */
function keepCopy(name: string, data: string): string {
  const copy = join(scratch, name)
  cpSync(data, copy, { recursive: true, filter: (path) => !lstatSync(path).isSocket() })
  if (isRoot) for (const path of [copy, ...listPaths(copy)]) lchownSync(path, otherUser, otherUser)
  return copy
}

const listPaths = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).map(({ parentPath, name }) => join(parentPath, name))

/** Lists the names and owners of the files that PerSQL reads at its next start. */
const list = (data: string): string[] =>
  listPaths(data)
    .filter((path) => !path.endsWith('/last-backup.json') && !relative(data, path).startsWith('tmp'))
    .map((path) => `${relative(data, path)} ${lstatSync(path).uid} ${(lstatSync(path).mode & 0o777).toString(8)}`)
    .sort()

beforeAll(async () => {
  scratch = await makeDataFolder('persql-operator-files-')
  const instance = await LaunchedInstance.create()
  try {
    await instance.start()
    const { db } = await instance.createNamespace('acme')
    await db().query('CREATE TABLE t (n)')
    expect((await db().request('/snapshots', { body: { label: 'first' } })).status).toBe(200)
    await instance.stop()
    folders.stopped = keepCopy('stopped', instance.data)
    await instance.start()
    expect((await db().query('INSERT INTO t VALUES (1)')).status).toBe(200)
    await instance.stop('SIGKILL')
    // The processes of the launcher end shortly after it.
    while ((await findUse(instance.data)) !== 'unused') await delay(50)
    folders.killed = keepCopy('killed', instance.data)
    folders.copied = keepCopy('copied', instance.data)
    for (const path of listPaths(folders.copied)) if (path.endsWith('-shm')) rmSync(path)
  } finally {
    await instance.remove()
  }
})
afterAll(() => removeDataFolder(scratch))

const commands: [name: string, args: (data: string) => string[], code: number][] = [
  ['locate', () => ['locate', 'acme/main'], 0],
  ['check', () => ['check'], 0],
  ['check of a database', () => ['check', 'acme/main'], 0],
  ['accept', () => ['accept', 'acme/main', '--note', 'x'], 1],
  ['vacuum', () => ['vacuum', 'acme/main'], 1],
  ['list', () => ['list'], 1],
  ['doctor', () => ['doctor'], 0],
  ['doctor of a file', (data) => ['doctor', objectFile(data, 'database', 'acme/main')], 0],
  ['verify', (data) => ['verify', data], 0],
  ['verify --quick', (data) => ['verify', data, '--quick'], 0],
  ['backup', () => ['backup', join(scratch, 'target')], 0],
  // The second one finds the copies of the first.
  ['backup again', () => ['backup', join(scratch, 'target')], 0],
]

const cases = ['stopped', 'killed'].flatMap((state) =>
  commands.map(([name, args, code]) => [name, state, args, code] as const),
)

test.each(cases)('%s leaves no file in a %s folder', async (_, state, args, code) => {
  const data = folders[state] as string
  const before = list(data)
  const url = ['locate', 'check', 'doctor', 'verify', 'backup'].includes(args(data)[0] ?? '')
    ? []
    : ['--url', 'http://127.0.0.1:9']
  const printed = await runOperator([...args(data), ...url], { PERSQL_DATA: data, PERSQL_DISK_RESERVE_MB: '0' })
  expect(printed.code, printed.stdout + printed.stderr).toBe(code)
  expect(list(data)).toEqual(before)
})

test('of a killed instance whose index of the log is gone, a command creates it again for the owner', async () => {
  const data = folders.copied as string
  expect(statSync(`${objectFile(data, 'database', 'acme/main')}-wal`).size).toBeGreaterThan(0)
  const before = list(data)
  expect((await runOperator(['check'], { PERSQL_DATA: data })).code).toBe(0)
  const added = list(data).filter((entry) => !before.includes(entry))
  expect(added.length).toBeGreaterThan(0)
  for (const entry of added) expect(entry).toMatch(new RegExp(`-shm ${isRoot ? otherUser : process.getuid?.()} 600$`))
})
