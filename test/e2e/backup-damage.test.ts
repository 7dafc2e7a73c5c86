import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { objectFile } from '../../apps/launcher/src/object-files.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { LaunchedInstance, runOperator, startOperator } from '../launched-instance.ts'
import { removeFile } from '../object-files.ts'

const DATABASES = 12

let live: LaunchedInstance
let scratch: string
let target: string
let token: string
let number = 0
beforeAll(async () => {
  scratch = await makeDataFolder('persql-backup-')
  target = join(scratch, 'target')
  live = await LaunchedInstance.create({ PERSQL_SECRET: 'the-secret-of-the-environment' })
  await live.start()
  const namespace = await live.createNamespace('acme')
  token = namespace.token
  for (let index = 0; index < DATABASES; index++) {
    const db = await namespace.make('CREATE TABLE t (n, filler)')
    await db.query(
      'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t SELECT i, hex(randomblob(250)) FROM n',
    )
  }
  expect(await live.operator('backup', target)).toMatchObject({ code: 0, stderr: '' })
})
afterAll(async () => {
  await live.remove()
  await removeDataFolder(scratch)
})

const secret = 'the-secret-of-the-environment'
const newFolder = (): string => join(scratch, `folder-${++number}`)
const restoreTo = (data: string, from: string, ...args: string[]) =>
  runOperator(['restore', from, ...args], { PERSQL_DATA: data, PERSQL_SECRET: secret })
const listManifests = (folder: string): string[] => readdirSync(join(folder, 'backups')).sort()

/** Returns the path of the blob of a copied object. */
function findBlob(folder: string, name: string): string {
  const text = readFileSync(join(folder, 'backups', listManifests(folder).at(-1) as string), 'utf8')
  const { objects } = JSON.parse(text).manifest as { objects: { name: string; sha256: string }[] }
  return join(folder, 'files', objects.find((copy) => copy.name === name)?.sha256 as string)
}

function flipByte(file: string, position = Math.floor(statSync(file).size / 2)): void {
  const content = readFileSync(file)
  content[position] = (content[position] as number) ^ 1
  writeFileSync(file, content)
}

/** Expects that a launcher refuses to start on a folder, with this sentence. */
async function refusesToStart(data: string, sentence: string): Promise<void> {
  const instance = await LaunchedInstance.create({ PERSQL_DATA: data, PERSQL_SECRET: secret })
  const launcher = instance.spawn()
  expect(await launcher.exitCode()).toBe(1)
  expect(launcher.stderr).toContain(sentence)
  await instance.remove()
}

test.each([
  [
    'a flipped byte of a database',
    (copy: string) => flipByte(findBlob(copy, 'acme/db-3')),
    'acme/db-3: damaged. The copy of acme/db-3 was changed',
  ],
  [
    'a flipped byte of a namespace',
    (copy: string) => flipByte(findBlob(copy, 'acme')),
    'acme: damaged. The copy of acme was changed',
  ],
  ['a flipped byte of the Directory', (copy: string) => flipByte(findBlob(copy, 'directory')), 'directory: damaged.'],
  [
    'a cut file',
    (copy: string) => truncateSync(findBlob(copy, 'acme/db-5'), 4_096),
    'acme/db-5: damaged. The copy of acme/db-5 was changed',
  ],
  ['an empty file', (copy: string) => truncateSync(findBlob(copy, 'acme/db-5'), 0), 'acme/db-5: damaged.'],
  [
    'a missing file',
    (copy: string) => rmSync(findBlob(copy, 'acme/db-7')),
    'acme/db-7: damaged. The copy of acme/db-7 is missing',
  ],
])('%s is found, and not restored', async (_, damage, line) => {
  const copy = newFolder()
  cpSync(target, copy, { recursive: true })
  damage(copy)
  const verified = await runOperator(['verify', copy], {})
  expect(verified).toMatchObject({ code: 1, stdout: expect.stringContaining(line) })
  expect(verified.stdout).toMatch(/ is damaged: \d+ problems?\.\n$/)
  const data = newFolder()
  expect(await restoreTo(data, copy)).toMatchObject({ code: 1, stderr: expect.stringContaining('The copy of ') })
  const incomplete = `${data} is incomplete: the restore of backup`
  await refusesToStart(data, incomplete)
  expect(await runOperator(['verify', data], {})).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(incomplete),
  })
  expect(await restoreTo(data, target)).toMatchObject({ code: 2, stderr: expect.stringContaining('is not empty') })
})

test.each([
  [
    'a missing manifest',
    (copy: string) => rmSync(join(copy, 'backups'), { recursive: true }),
    'the manifest is missing',
  ],
  [
    'a cut manifest',
    (copy: string) => truncateSync(join(copy, 'backups', listManifests(copy)[0] as string), 1_000),
    'is damaged',
  ],
  [
    'a flipped bit of a manifest',
    (copy: string) => flipByte(join(copy, 'backups', listManifests(copy)[0] as string), 400),
    'is damaged',
  ],
])('%s is found, and nothing is restored', async (_, damage, sentence) => {
  const copy = newFolder()
  cpSync(target, copy, { recursive: true })
  damage(copy)
  expect(await runOperator(['verify', copy], {})).toMatchObject({ code: 1, stderr: expect.stringContaining(sentence) })
  const data = newFolder()
  expect(await restoreTo(data, copy)).toMatchObject({ code: 1, stderr: expect.stringContaining(sentence) })
  expect(existsSync(data)).toBe(false)
  // The next backup into the same target is whole.
  expect(await live.operator('backup', copy)).toMatchObject({ code: 0, stderr: '' })
  expect(await runOperator(['verify', copy, '--quick'], {})).toMatchObject({ code: 0, stderr: '' })
})

test('calls that make no sense end with exit code 2 and change nothing', async () => {
  const [empty, full, files] = [newFolder(), newFolder(), newFolder()]
  for (const folder of [empty, full]) await mkdir(folder)
  await writeFile(join(full, 'note.txt'), 'mine')
  const environment = { PERSQL_DATA: files, PERSQL_SECRET: secret }
  const cases: [string[], Record<string, string>, string][] = [
    [['backup'], environment, 'Missing target.'],
    [['backup', target, 'more'], environment, 'Unexpected argument "more".'],
    [['backup', target], environment, 'has no data of PerSQL'],
    [['verify'], environment, 'Missing target.'],
    [['verify', empty], environment, 'No backup found'],
    [['verify', newFolder()], environment, 'No backup found'],
    [['verify', target, '--backup', 'none'], environment, 'Backup "none" not found'],
    [['verify', target, '--fast'], environment, "Unknown option '--fast'"],
    [['restore', empty], environment, 'No backup found'],
    [['restore', target], { ...environment, PERSQL_DATA: full }, 'is not empty'],
    [['restore', target], { ...environment, PERSQL_DATA: live.data }, 'is not empty'],
    [['restore', target], { PERSQL_DATA: files }, 'Set PERSQL_SECRET'],
    [['restore', target], { ...environment, PERSQL_SECRET: 'another' }, 'is not the secret of the instance'],
  ]
  for (const [args, env, sentence] of cases) {
    const { code, stdout, stderr } = await runOperator(args, env)
    expect({ code, stdout, stderr }, args.join(' ')).toEqual({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(sentence),
    })
  }
  expect(existsSync(files)).toBe(false)
  expect(readdirSync(full)).toEqual(['note.txt'])
  const manifest = readFileSync(join(target, 'backups', listManifests(target)[0] as string), 'utf8')
  expect(manifest).not.toContain(secret)
})

test.each([0, 1, 2, 4, 8])('a backup that is killed after %i new files leaves the earlier one whole', async (count) => {
  const backUpAndKill = async () => {
    const copy = newFolder()
    cpSync(target, copy, { recursive: true })
    for (let index = 1; index <= DATABASES; index++) {
      await live.database('acme', `db-${index}`, token).query('INSERT INTO t VALUES (1, ?)', [count])
    }
    const before = readdirSync(join(copy, 'files')).length
    const isUnderWay = () =>
      count === 0
        ? existsSync(join(live.data, 'tmp/backup'))
        : readdirSync(join(copy, 'files')).length >= before + count
    await killWhen(isUnderWay, ['backup', copy], live.data)
    return copy
  }
  let copy = await backUpAndKill()
  // It ended before it was killed.
  while (listManifests(copy).length > 1) copy = await backUpAndKill()
  expect(listManifests(copy)).toHaveLength(1)
  expect(await runOperator(['verify', copy, '--quick'], {})).toMatchObject({ code: 0, stderr: '' })
  expect(await live.operator('backup', copy)).toMatchObject({ code: 0, stderr: '' })
  expect(listManifests(copy)).toHaveLength(2)
  expect(await runOperator(['verify', copy, '--quick'], {})).toMatchObject({ code: 0, stderr: '' })
  expect(existsSync(join(live.data, 'tmp/backup'))).toBe(false)
})

test.each([0, 3, 8])('a restore that is killed after %i files leaves a folder that does not start', async (count) => {
  const restoreAndKill = async () => {
    const data = newFolder()
    const folder = join(data, 'objects/database')
    const isUnderWay = () =>
      count === 0
        ? existsSync(join(data, 'restore.json'))
        : existsSync(folder) && readdirSync(folder).filter((name) => name.endsWith('.sqlite')).length >= count
    await killWhen(isUnderWay, ['restore', target], data)
    return data
  }
  let data = await restoreAndKill()
  // It ended before it was killed.
  while (isMarkedComplete(data)) data = await restoreAndKill()
  expect(JSON.parse(readFileSync(join(data, 'restore.json'), 'utf8'))).toMatchObject({ state: 'incomplete' })
  await refusesToStart(data, "didn't finish. Delete the folder, then restore the backup again.")
})

test('a damaged database is reported, is missing in the backup, and hinders no other one', async () => {
  const instance = await LaunchedInstance.create()
  const again = await LaunchedInstance.create()
  const copy = newFolder()
  try {
    await instance.start()
    const { make, token: admin } = await instance.createNamespace('acme')
    for (let index = 0; index < 2; index++) await make('CREATE TABLE t (n)', 'INSERT INTO t VALUES (1)')
    const file = (await instance.operator('locate', 'acme/db-1')).stdout.trim()
    await instance.createNamespace('lost')
    await instance.stop()
    for (const damaged of [file, objectFile(instance.data, 'namespace', 'lost')]) {
      removeFile(damaged)
      writeFileSync(damaged, Buffer.alloc(8_192, 7))
    }
    const printed = await instance.operator('backup', copy)
    expect(printed).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^acme\/db-1: not copied\. .+\nlost: not copied\. .+\nBackup /),
    })
    expect(await runOperator(['verify', copy], {})).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('acme/db-1: damaged'),
    })
    expect(await again.operator('restore', copy)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('acme/db-1: missing'),
    })
    await again.start()
    expect(existsSync(join(again.data, 'restore.json'))).toBe(false)
    const read = async (name: string) => (await again.database('acme', name, admin).query('SELECT n FROM t')).body
    expect((await read('db-1')).code).toBe('database_damaged')
    expect((await read('db-2')).data.rows).toEqual([[1]])
  } finally {
    await instance.remove()
    await again.remove()
  }
})

/** The number of random points. `BACKUP_KILLS=50` tries more. */
const randomPoints = Number(process.env.BACKUP_KILLS ?? 4)
const below = (limit: number): number => Math.floor(Math.random() * limit)

/** Each damages a copy of the target or kills a command, at a random point. */
const accidents: ((copy: string) => Promise<void>)[] = [
  async (copy) => {
    const ms = below(1_500)
    await killAfter(ms, ['backup', copy], live.data)
    // The earlier backup, or the new one if it was completed, is whole.
    expect(await runOperator(['verify', copy, '--quick'], {}), `backup killed after ${ms} ms`).toMatchObject({
      code: 0,
    })
    expect(await live.operator('backup', copy)).toMatchObject({ code: 0, stderr: '' })
  },
  async (copy) => {
    const [data, ms] = [newFolder(), below(1_500)]
    await killAfter(ms, ['restore', copy], data)
    const isIncomplete = !isMarkedComplete(data)
    // Before the marker, a restore writes nothing.
    if (isIncomplete && !existsSync(join(data, 'restore.json'))) expect(existsSync(join(data, 'objects'))).toBe(false)
    if (isIncomplete) rmSync(data, { recursive: true, force: true })
    if (isIncomplete) expect(await restoreTo(data, copy), `restore killed after ${ms} ms`).toMatchObject({ code: 0 })
    expect(await runOperator(['verify', data, '--quick'], {}), `restore killed after ${ms} ms`).toMatchObject({
      code: 0,
    })
  },
  async (copy) => {
    const file = pickFile(copy)
    const position = below(statSync(file).size)
    flipByte(file, position)
    await expectDamage(copy, `byte ${position} of ${file} changed`)
  },
  async (copy) => {
    const file = pickFile(copy)
    const bytes = below(statSync(file).size)
    truncateSync(file, bytes)
    await expectDamage(copy, `${file} cut off at ${bytes}`)
  },
  async (copy) => {
    const file = pickFile(copy)
    rmSync(file)
    await expectDamage(copy, `${file} removed`)
  },
]

/** Starts a command and kills it as soon as `isUnderWay`, unless it has ended. */
async function killWhen(isUnderWay: () => boolean, args: string[], data: string): Promise<void> {
  const killed = startOperator(args, { PERSQL_DATA: data, PERSQL_SECRET: secret })
  const ended = new Promise((resolve) => killed.on('exit', resolve))
  while (!isUnderWay() && killed.exitCode === null) await delay(1)
  killed.kill('SIGKILL')
  await ended
}

/** Starts a command and kills it after some time, unless it has ended. */
async function killAfter(ms: number, args: string[], data: string): Promise<void> {
  const killed = startOperator(args, { PERSQL_DATA: data, PERSQL_SECRET: secret })
  const ended = new Promise((resolve) => killed.on('exit', resolve))
  await Promise.race([delay(ms), ended])
  killed.kill('SIGKILL')
  await ended
}

function isMarkedComplete(data: string): boolean {
  const marker = join(data, 'restore.json')
  return existsSync(marker) && readFileSync(marker, 'utf8').includes('"complete"')
}

/** Returns the manifest of the newest backup, or one of its files. */
function pickFile(copy: string): string {
  const manifest = join(copy, 'backups', listManifests(copy).at(-1) as string)
  const { objects } = JSON.parse(readFileSync(manifest, 'utf8')).manifest as { objects: { sha256: string }[] }
  const files = [manifest, ...objects.map(({ sha256 }) => join(copy, 'files', sha256))]
  return files[below(files.length)] as string
}

/** Expects that both commands say that the backup is damaged. */
async function expectDamage(copy: string, what: string): Promise<void> {
  expect((await runOperator(['verify', copy, '--quick'], {})).code, what).not.toBe(0)
  expect((await restoreTo(newFolder(), copy)).code, what).not.toBe(0)
}

test(`at ${randomPoints} random points, a target is whole or says that it isn't`, async () => {
  const first = below(accidents.length)
  for (let point = 0; point < randomPoints; point++) {
    const copy = newFolder()
    cpSync(target, copy, { recursive: true })
    await accidents[(first + point) % accidents.length]?.(copy)
    rmSync(copy, { recursive: true })
  }
}, 1_200_000)
