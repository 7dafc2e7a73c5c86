import { randomBytes } from 'node:crypto'
import { readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeDataFolder, removeDataFolder } from '../../../../../test/data-folder.ts'
import { S3Double } from '../../../../../test/s3-double.ts'
import type { BackupStore } from '../store.ts'
import { encryptStore } from './encryption/encrypted-store.ts'
import { openFolderStore } from './folder-store.ts'
import { parseS3Settings } from './s3-settings.ts'
import { openS3Store } from './s3-store.ts'
import type { StreamingStore } from './streaming-store.ts'

const passphrase = 'correct horse battery staple'
const sizes = [0, 1, 65_535, 65_536, 65_537, 131_072, 8 * 1024 * 1024, 8 * 1024 * 1024 + 1, 21_000_000]

let folder: string
const s3 = new S3Double()
const openS3 = (prefix: string) => openS3Store(parseS3Settings(`s3://${s3.bucket}/${prefix}`, s3.environment))

const stores: [kind: string, open: () => Promise<[BackupStore, StreamingStore]>][] = [
  ['folder', async () => both(openFolderStore(join(folder, 'plain')))],
  ['S3', async () => both(await openS3('plain/of'))],
  ['encrypted folder', async () => encrypted(openFolderStore(join(folder, 'sealed')))],
  ['encrypted S3', async () => encrypted(await openS3('sealed'))],
]

const both = (store: StreamingStore): [BackupStore, StreamingStore] => [store, store]
const encrypted = async (store: StreamingStore): Promise<[BackupStore, StreamingStore]> => [
  await encryptStore(store, passphrase),
  store,
]

beforeAll(async () => {
  folder = await makeDataFolder()
  await s3.start()
})

afterAll(async () => {
  s3.stop()
  await removeDataFolder(folder)
})

async function list(store: BackupStore, prefix: string): Promise<{ name: string; bytes: number }[]> {
  const blobs = []
  for await (const blob of store.list(prefix)) blobs.push(blob)
  return blobs.sort((one, other) => (one.name < other.name ? -1 : 1))
}

async function read(store: BackupStore, name: string): Promise<Buffer | undefined> {
  const blob = await store.read(name)
  return blob && buffer(blob)
}

describe.each(stores)('the store: %s', (_kind, open) => {
  let store: BackupStore
  let inner: StreamingStore
  beforeAll(async () => {
    ;[store, inner] = await open()
  })

  test('an empty store lists and reads nothing', async () => {
    expect(await list(store, 'files/')).toEqual([])
    expect(await list(store, '')).toEqual([])
    expect(await store.read('files/none')).toBeUndefined()
    expect(await store.has('files/none')).toBe(false)
    await store.delete('files/none')
  })

  test.each(sizes)('a file of %d bytes is read as it was written, and listed with its size', async (size) => {
    const content = randomBytes(size)
    const path = join(folder, 'source')
    await writeFile(path, content)
    const name = `files/${randomBytes(32).toString('hex')}`
    await store.write(name, { path })
    expect((await read(store, name))?.equals(content)).toBe(true)
    expect(await list(store, name)).toEqual([{ name, bytes: size }])
  })

  test('text is written as UTF-8, and a second write replaces it', async () => {
    await store.write('backups/one.json', { text: 'first, and longer' })
    await store.write('backups/one.json', { text: '{"é":"✓"}' })
    expect((await read(store, 'backups/one.json'))?.toString()).toBe('{"é":"✓"}')
    expect(await list(store, 'backups/')).toEqual([{ name: 'backups/one.json', bytes: 12 }])
  })

  test('a list has the names with its prefix, in all pages', async () => {
    s3.pageSize = 2
    const names = ['files/xx-1', 'files/xx-2', 'files/xx-3', 'files/xy-1', 'files-xx-1', 'other/xx-1/x', 'other/xx-1/y']
    for (const name of names) await store.write(name, { text: 'x' })
    const found = async (prefix: string) => (await list(store, prefix)).map(({ name }) => name)
    expect(await found('files/xx')).toEqual(names.slice(0, 3))
    expect(await found('files/x')).toEqual(names.slice(0, 4))
    expect(await found('other/')).toEqual(names.slice(5))
    expect(await found('')).toEqual(expect.arrayContaining(names))
    expect(await found('')).not.toContain('backup.json')
    s3.pageSize = 1000
  })

  test('one request finds whether a blob exists, by its whole name', async () => {
    for (const name of ['files/here', 'backups/here.json']) await store.write(name, { text: 'x' })
    s3.requests.length = 0
    const names = ['files/here', 'backups/here.json', 'files/her', 'files/here2', 'files', 'backups/here']
    const found: string[] = []
    for (const name of names) if (await store.has(name)) found.push(name)
    expect(found).toEqual(names.slice(0, 2))
    expect([0, names.length]).toContain(s3.requests.length)
  })

  test('a deleted blob is gone', async () => {
    await store.write('files/short', { text: 'x' })
    await store.delete('files/short')
    expect(await store.has('files/short')).toBe(false)
    expect(await store.read('files/short')).toBeUndefined()
    expect(await list(store, 'files/short')).toEqual([])
  })

  test.each(['../x', 'files/../../x', '/etc/passwd', 'files//x', 'files/', '', '.', 'a/.hidden', 'a\\b', 'a b', 'ä'])(
    'the name %j is refused',
    async (name) => {
      const invalid = /Invalid name of a blob/
      await expect(store.write(name, { text: 'x' })).rejects.toThrow(invalid)
      await expect(store.read(name)).rejects.toThrow(invalid)
      await expect(store.has(name)).rejects.toThrow(invalid)
      await expect(store.delete(name)).rejects.toThrow(invalid)
    },
  )

  test('a write that fails in the middle stores nothing', async () => {
    const before = await list(inner, '')
    const failing = async function* () {
      for (let part = 0; part < 30; part++) yield randomBytes(1024 * 1024)
      throw new Error('The disk failed.')
    }
    await expect(inner.writeStream('files/broken', failing())).rejects.toThrow('The disk failed.')
    await expect(store.write('files/missing', { path: join(folder, 'not-there') })).rejects.toThrow('ENOENT')
    expect(await list(inner, '')).toEqual(before)
    expect(s3.uploads.size).toBe(0)
  })

  test('a blob is created only once', async () => {
    expect(await inner.create('once', 'first')).toBe(true)
    expect(await inner.create('once', 'second')).toBe(false)
    expect((await read(inner, 'once'))?.toString()).toBe('first')
  })
})

test('files of a folder can be read only by their owner, and no unfinished file is left', async () => {
  const root = join(folder, 'modes/deep')
  const store = openFolderStore(root)
  await store.write('files/one', { text: 'x' })
  if (process.platform !== 'win32') {
    const mode = async (path: string) => (await stat(join(root, path))).mode & 0o777
    expect(await Promise.all(['', 'files', '.unfinished'].map(mode))).toEqual([0o700, 0o700, 0o700])
    expect(await mode('files/one')).toBe(0o600)
  }
  expect(await readdir(join(root, '.unfinished'))).toEqual([])
})

test('the first write removes what a process that was killed left a day ago', async () => {
  const root = join(folder, 'abandoned')
  const drafts = join(root, '.unfinished')
  await openFolderStore(root).write('files/one', { text: 'x' })
  for (const name of ['old', 'new']) await writeFile(join(drafts, name), 'x')
  const yesterday = Date.now() / 1_000 - 25 * 3_600
  await utimes(join(drafts, 'old'), yesterday, yesterday)
  await openFolderStore(root).write('files/two', { text: 'x' })
  expect(await readdir(drafts)).toEqual(['new'])
})

test('a folder that is a file is refused with its path', async () => {
  const path = join(folder, 'a-file')
  await writeFile(path, '')
  const store = openFolderStore(path)
  const problem = `${path} isn't a folder. Choose another target.`
  await expect(store.write('files/one', { text: 'x' })).rejects.toThrow(problem)
  await expect(list(store, 'files/')).rejects.toThrow(problem)
})
