import { randomBytes } from 'node:crypto'
import { cpSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { LaunchedInstance, runOperator } from '../launched-instance.ts'
import { S3Double } from '../s3-double.ts'

let s3: S3Double
let scratch: string
let target: string
/** It is stopped between the steps of a test, so that its files change only where a test changes them. */
let live: LaunchedInstance
let token: string
beforeAll(async () => {
  s3 = await new S3Double().start()
  scratch = await makeDataFolder('persql-incremental-')
  target = join(scratch, 'target')
  live = await LaunchedInstance.create()
  await live.start()
  const namespace = await live.createNamespace('acme')
  token = namespace.token
  for (let index = 0; index < 3; index++) await namespace.make('CREATE TABLE t (v)', "INSERT INTO t VALUES ('kept')")
  await live.stop()
  expect(await live.operator('backup', target)).toMatchObject({ code: 0, stderr: '' })
})
afterAll(async () => {
  await live.remove()
  s3.stop()
  await removeDataFolder(scratch)
})

test('the requests of an incremental backup depend on what changed, not on the number of files', async () => {
  const backUp = () => runOperator(['backup', 's3://backups/a'], { ...s3.environment, PERSQL_DATA: live.data })
  expect(await backUp()).toMatchObject({ code: 0, stderr: '' })
  s3.pageSize = 10
  for (let index = 0; index < 1_000; index++) s3.objects.set(`a/files/${randomBytes(32).toString('hex')}`, Buffer.of(1))
  await live.start()
  expect((await live.database('acme', 'db-1', token).query("INSERT INTO t VALUES ('new')")).status).toBe(200)
  await live.stop()
  s3.requests.length = 0
  expect(await backUp()).toMatchObject({ code: 0, stderr: '' })
  // A list of all files would take 100.
  expect(s3.requests.length).toBeLessThan(50)
  // Nothing has changed since.
  s3.requests.length = 0
  const written = new Set(s3.objects.keys())
  expect(await backUp()).toMatchObject({ code: 0, stderr: '' })
  expect(s3.requests.length).toBeLessThan(15)
  const added = [...s3.objects.keys()].filter((name) => !written.has(name))
  expect(added).toEqual([expect.stringMatching(/^a\/backups\//)])
})

/** Returns the files of the only backup in a folder, the largest last. */
function listFiles(folder: string): string[] {
  const files = readdirSync(join(folder, 'files')).map((name) => join(folder, 'files', name))
  return files.sort((one, other) => statSync(one).size - statSync(other).size)
}

const damages: [what: string, damage: (files: string[]) => void][] = [
  ['lost a file', ([file = '']) => rmSync(file)],
  ['lost all files', (files) => files.map((file) => rmSync(file))],
  ['has a changed file', (files) => writeFileSync(files.at(-1) ?? '', 'changed')],
  ['has a cut file', (files) => truncateSync(files.at(-1) ?? '', 4_096)],
]

test.each(damages)('a target that %s is found by verify, and mended by a full backup', async (_what, damage) => {
  const copy = join(scratch, randomBytes(4).toString('hex'))
  cpSync(target, copy, { recursive: true })
  damage(listFiles(copy))
  expect(await runOperator(['verify', copy, '--quick'], {})).toMatchObject({ code: 1 })
  expect(await live.operator('backup', copy, '--full')).toMatchObject({ code: 0, stderr: '' })
  expect(await runOperator(['verify', copy, '--quick'], {})).toMatchObject({ code: 0, stderr: '' })
})

test.each(damages.slice(0, 2))('a target that %s is mended when old backups are deleted', async (_what, damage) => {
  const copy = join(scratch, randomBytes(4).toString('hex'))
  cpSync(target, copy, { recursive: true })
  damage(listFiles(copy))
  const { code, stdout } = await live.operator('backup', copy, '--keep', '24h')
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(/\nThe target lost \d+ files?, so all files were stored again\.\nBackup /),
  })
  expect(await runOperator(['verify', copy, '--quick'], {})).toMatchObject({ code: 0, stderr: '' })
  expect((await live.operator('backup', copy, '--keep', '24h')).stdout).not.toContain('lost')
})

test.each([
  [['verify', 'x', '--full'], '--keep, --every and --full are options of backup.'],
  [['restore', 'x', '--full'], '--keep, --every and --full are options of backup.'],
  [['backup', 'x', '--full', '--every', '15m'], 'Run backup --full once, without --every.'],
])('%j is refused', async (args, message) => {
  expect(await live.operator(...args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) })
})
