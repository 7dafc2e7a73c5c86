import { cpSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { objectFile } from '../../apps/launcher/src/object-files.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { dropBeside, overwrite, settle } from '../file-damage.ts'
import { LaunchedInstance, type Printed, runOperator } from '../launched-instance.ts'
import { removeFile, runOnFile } from '../object-files.ts'

let instance: LaunchedInstance
let scratch: string
let snapshot: string
let running: Printed
beforeAll(async () => {
  scratch = await makeDataFolder('persql-doctor-')
  instance = await LaunchedInstance.create()
  await instance.start()
  const { db, token } = await instance.createNamespace('acme')
  await db().query('CREATE TABLE t (n, filler)')
  await db().query(
    'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT i, hex(randomblob(100)) FROM n',
  )
  const created = await db().request('/snapshots', { body: { label: 'first' } })
  expect(created.status, JSON.stringify(created.body)).toBe(200)
  snapshot = created.body.data.id
  const claimed = await db().request('/claim_branch', { body: { ref: 'work', role: 'admin', ttlSec: 86_400 } })
  expect(claimed.status).toBe(200)
  const branch = instance.database('acme', 'main-work', claimed.body.data.token ?? token)
  expect((await branch.query('INSERT INTO t VALUES (0, 0)')).status).toBe(200)
  running = await instance.operator('doctor')
  await instance.stop()
})
afterAll(async () => {
  await instance?.remove()
  await removeDataFolder(scratch)
})

const doctor = (data: string, ...args: string[]) =>
  runOperator(['doctor', ...args], { PERSQL_DATA: data, PERSQL_DISK_RESERVE_MB: '0' })
const copyData = (name: string): string => {
  const data = join(scratch, name)
  cpSync(instance.data, data, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  return data
}
/** Lists the files of a folder with their sizes and times. */
const list = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((file) => `${relative(folder, file)} ${statSync(file).size} ${statSync(file).mtimeMs}`)
    .sort()

test('the doctor finds nothing wrong with a running instance', () => {
  expect(running.stdout).not.toMatch(/^problem/m)

  expect(running.stdout).toMatch(/^ok {6} instance: running \(PID \d+\) and ready at http/m)
  expect(running.stdout).toMatch(/^warning {2}backup: none yet\. Run "npm run operator -- backup <target>"\.$/m)
  expect(running.stdout).toMatch(/^ok {6} files: \d+ objects checked by quick_check/m)
  expect(running.stdout).toMatch(/^ok {6} strays: none/m)
  expect(running.stderr).toBe('')
  expect(running.code).toBe(0)
})

test.each([[[]], [['--full']]])('the doctor reports on a stopped folder and changes nothing: %o', async (args) => {
  const before = list(instance.data)
  const { code, stdout } = await doctor(instance.data, ...args)
  expect(stdout).toMatch(/^ok {6} instance: not running\.$/m)
  expect(stdout).toContain(args.length > 0 ? 'integrity_check' : 'quick_check')
  expect(stdout).not.toMatch(/^problem/m)
  expect(code).toBe(0)
  expect(list(instance.data)).toEqual(before)
})

const damages: [string, (data: string) => void, RegExp][] = [
  [
    'an overwritten page',
    (data) => {
      const file = objectFile(data, 'database', 'acme/main')
      settle(file)
      dropBeside(file)
      overwrite(file, 4_096, 4_096)
    },
    /^problem {2}acme\/main: .*Restore it from a backup\.$/m,
  ],
  [
    'a missing database',
    (data) => removeFile(objectFile(data, 'database', 'acme/main')),
    /^problem {2}acme\/main: missing/m,
  ],
  ['a missing namespace', (data) => removeFile(objectFile(data, 'namespace', 'acme')), /^problem {2}acme: missing/m],
  [
    'a missing snapshot',
    (data) => removeFile(objectFile(data, 'database', `acme/main@${snapshot}`)),
    /^problem {2}acme\/main@.*: missing/m,
  ],
  [
    'an older database',
    (data) =>
      runOnFile(objectFile(data, 'namespace', 'acme'), "UPDATE database SET generation = 9 WHERE slug = 'main'"),
    /^problem {2}acme\/main: outdated: generation \d, but 9 on record/m,
  ],
  ['a damaged stamp', (data) => writeFileSync(join(data, 'format.json'), '{'), /^problem {2}data format: .*damaged/m],
  [
    'the restore that did not finish',
    (data) => {
      const restore = { id: '00000000-0000-4000-8000-000000000000', backup: 'b', state: 'incomplete', deleted: [] }
      writeFileSync(join(data, 'restore.json'), JSON.stringify({ ...restore, restoredAt: '2026-06-01T12:00:00Z' }))
    },
    /^problem {2}restore: .*didn't finish/m,
  ],
]
test.each(damages)('the doctor names %s', async (name, damage, line) => {
  const data = copyData(name.replaceAll(' ', '-'))
  damage(data)
  const { code, stdout } = await doctor(data)
  expect(stdout).toMatch(line)
  expect(code).toBe(1)
})

test('the doctor says what a file is', async () => {
  const data = copyData('identify')
  for (const [kind, name, text] of [
    ['directory', 'directory', 'the Directory'],
    ['namespace', 'acme', 'namespace acme'],
    ['database', 'acme/main', 'database acme/main'],
    ['database', 'acme/main-work', 'branch "work" of acme/main'],
    ['database', `acme/main@${snapshot}`, `snapshot ${snapshot} of database acme/main`],
  ] as const) {
    const file = objectFile(data, kind, name)
    const forms = name === 'acme/main' ? [file, relative(data, file), basename(file), `${file}-wal`] : [file]
    for (const given of forms) {
      const { code, stdout } = await doctor(data, given)
      expect(stdout).toContain(`${given}: ${text}`)
      expect(code).toBe(0)
    }
  }
})

test('a snapshot that is being created or deleted has an owner', async () => {
  const data = copyData('pending')
  const rename = "UPDATE _cf_KV SET key = 'snapshot-pending/' || substr(key, 10) WHERE key LIKE 'snapshot/%'"
  runOnFile(objectFile(data, 'database', 'acme/main'), rename)
  expect((await doctor(data)).stdout).toMatch(/^ok {6} strays: none/m)
  expect(await doctor(data, objectFile(data, 'database', `acme/main@${snapshot}`))).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('which is being created or deleted'),
  })
})

test('the doctor names files without an owner, and describes them', async () => {
  const data = copyData('strays')
  const own = objectFile(data, 'database', 'acme/main')
  settle(own)
  const stray = objectFile(data, 'database', 'acme/gone')
  cpSync(own, stray)
  const { code, stdout } = await doctor(data)
  expect(stdout).toMatch(/^warning {2}strays: \S+ has no owner: its content names database acme\/main \(/m)
  expect(stdout).toContain(stray)
  expect(code).toBe(0)
  expect(await doctor(data, stray)).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('not in the records'),
  })
  // Without the records of their namespace, no file is called a stray.
  const namespace = objectFile(data, 'namespace', 'acme')
  dropBeside(namespace)
  mkdirSync(join(scratch, 'aside'))
  renameSync(namespace, join(scratch, 'aside', 'namespace'))
  writeFileSync(namespace, 'no database')
  expect((await doctor(data)).stdout).toMatch(/^warning {2}strays: not searched/m)
})

test('wrong arguments exit with 2', async () => {
  expect(await doctor(join(scratch, 'none'))).toMatchObject({ code: 2, stdout: '' })
  expect(await doctor(instance.data, '--fix')).toMatchObject({ code: 2, stdout: '' })
})

test('the doctor reads the logs that a killed instance left', async () => {
  const killed = await LaunchedInstance.create()
  try {
    await killed.start()
    const { db } = await killed.createNamespace('acme')
    expect((await db().query('CREATE TABLE t (n)')).status).toBe(200)
    await killed.stop('SIGKILL')
    const report = () => doctor(killed.data)
    // The processes of the launcher end shortly after it.
    await expect.poll(async () => (await report()).stdout).toMatch(/^ok {6} instance: not running/m)
    expect(statSync(`${objectFile(killed.data, 'database', 'acme/main')}-wal`).size).toBeGreaterThan(0)
    expect(await report()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ok {6} files: 3 objects checked/m),
    })
  } finally {
    await killed.remove()
  }
})
