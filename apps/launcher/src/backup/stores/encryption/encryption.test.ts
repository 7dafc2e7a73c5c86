import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeDataFolder, removeDataFolder } from '../../../../../../test/data-folder.ts'
import type { BackupStore } from '../../store.ts'
import { openFolderStore } from '../folder-store.ts'
import { openStore } from '../open-store.ts'
import { DamagedBlobError } from '../store-error.ts'
import { encryptStore } from './encrypted-store.ts'
import { readPassphrase } from './passphrase.ts'
import { seal, toContentBytes, unseal } from './sealed-blob.ts'
import { sealName, unsealName } from './sealed-names.ts'

const passphrase = 'correct horse battery staple'
const chunk = 65_536 + 16
const head = 40

let folder: string
beforeAll(async () => {
  folder = await makeDataFolder()
})
afterAll(() => removeDataFolder(folder))

describe('a sealed blob', () => {
  const key = randomBytes(32)
  const content = randomBytes(3 * 65_536 + 100)
  const sealBytes = (bytes: Buffer, name = 'files/a') => buffer(Readable.from(seal(Readable.from([bytes]), key, name)))
  const open = (sealed: Buffer, name = 'files/a', withKey = key) =>
    buffer(Readable.from(unseal(Readable.from([sealed]), withKey, name)))

  test('is opened from pieces of any size', async () => {
    const sealed = await sealBytes(content)
    for (const size of [1_000, 65_535, 65_536, chunk, 200_000]) {
      const pieces = []
      for (let at = 0; at < sealed.length; at += size) pieces.push(sealed.subarray(at, at + size))
      const opened = await buffer(Readable.from(unseal(Readable.from(pieces), key, 'files/a')))
      expect(opened.equals(content)).toBe(true)
    }
  })

  test.each([0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])(
    'of %d bytes has a size from which that follows',
    async (n) => {
      expect(toContentBytes((await sealBytes(Buffer.alloc(n))).length)).toBe(n)
    },
  )

  test('of equal contents differs each time', async () => {
    expect((await sealBytes(content)).equals(await sealBytes(content))).toBe(false)
  })

  const part = (sealed: Buffer, index: number) => sealed.subarray(head + index * chunk, head + (index + 1) * chunk)
  const flip = (at: number) => (sealed: Buffer) => {
    const changed = Buffer.from(sealed)
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
    return changed
  }
  const start = (sealed: Buffer) => sealed.subarray(0, head)
  test.each<[string, (sealed: Buffer) => Buffer]>([
    ['a changed bit of the magic', flip(0)],
    ['a changed bit of the salt', flip(20)],
    ['a changed bit of the first chunk', flip(head)],
    ['a changed bit of a tag', flip(head + chunk - 1)],
    ['a changed bit of the last chunk', flip(head + 3 * chunk + 5)],
    ['no bytes', () => Buffer.alloc(0)],
    ['only the salt', start],
    ['only the first chunk', (sealed) => sealed.subarray(0, head + chunk)],
    ['no last chunk', (sealed) => sealed.subarray(0, head + 3 * chunk)],
    ['half of a chunk at the end', (sealed) => sealed.subarray(0, head + 3 * chunk + 50)],
    ['one byte less', (sealed) => sealed.subarray(0, -1)],
    ['one byte more', (sealed) => Buffer.concat([sealed, Buffer.alloc(1)])],
    ['two chunks swapped', (s) => Buffer.concat([start(s), part(s, 1), part(s, 0), part(s, 2), part(s, 3)])],
    ['a chunk twice', (s) => Buffer.concat([start(s), part(s, 0), part(s, 0), part(s, 1), part(s, 2), part(s, 3)])],
    ['a chunk left out', (s) => Buffer.concat([start(s), part(s, 0), part(s, 2), part(s, 3)])],
    ['the last chunk first', (s) => Buffer.concat([start(s), part(s, 3)])],
  ])('with %s is refused', async (_what, change) => {
    await expect(open(change(await sealBytes(content)))).rejects.toThrow(DamagedBlobError)
  })

  test('with a chunk of another blob is refused', async () => {
    const [one, other] = [await sealBytes(content), await sealBytes(content)]
    const mixed = Buffer.concat([one.subarray(0, head + chunk), other.subarray(head + chunk)])
    await expect(open(mixed)).rejects.toThrow(DamagedBlobError)
  })

  test('is opened only with its name and its key', async () => {
    const sealed = await sealBytes(content)
    await expect(open(sealed, 'files/b')).rejects.toThrow(/^files\/b of the backup is damaged/)
    await expect(open(sealed, 'files/a', randomBytes(32))).rejects.toThrow(DamagedBlobError)
  })
})

describe('a sealed name', () => {
  const keys = { mac: randomBytes(32), encryption: randomBytes(32) }

  test('is the same each time and gives the name back', () => {
    const name = randomBytes(32).toString('hex')
    expect(sealName(name, keys)).toBe(sealName(name, keys))
    expect(unsealName(sealName(name, keys), keys)).toBe(name)
  })

  test('that was changed, made with another key or never sealed gives nothing', () => {
    const sealed = sealName('one', keys)
    const others = { mac: randomBytes(32), encryption: randomBytes(32) }
    for (const wrong of [
      `${sealed.slice(0, -1)}${sealed.endsWith('0') ? 1 : 0}`,
      sealed.slice(2),
      sealName('one', others),
      'one',
      '',
    ]) {
      expect(unsealName(wrong, keys)).toBeUndefined()
    }
  })
})

describe('an encrypted target', () => {
  const environment = {}
  let target: string
  let store: BackupStore
  const content = 'content that others could know'
  const hash = createHash('sha256').update(content).digest('hex')

  beforeAll(async () => {
    target = join(folder, 'sealed')
    store = await openStore(target, { environment, passphrase })
    await store.write(`files/${hash}`, { text: content })
    await store.write('backups/one.json', { text: '{"objects":[]}' })
  })

  const read = async (from: BackupStore, name: string) => {
    const blob = await from.read(name)
    return blob && (await buffer(blob)).toString()
  }

  test('reveals neither contents nor their hashes', async () => {
    const names = await readdir(target, { recursive: true })
    expect(names.join()).not.toContain(hash.slice(0, 8))
    for (const name of names.filter((name) => /^(files|backups)\/./.test(name))) {
      const stored = await readFile(join(target, name))
      expect(stored.includes('content')).toBe(false)
      expect(stored.includes('objects')).toBe(false)
    }
  })

  test('is read by another process with the passphrase, under the same names', async () => {
    const other = await openStore(target, { environment, passphrase })
    expect(await read(other, `files/${hash}`)).toBe(content)
    const names = []
    for await (const { name } of other.list('')) names.push(name)
    expect(names.sort()).toEqual(['backups/one.json', `files/${hash}`])
  })

  test('is refused with another passphrase or without one', async () => {
    const wrong = openStore(target, { environment, passphrase: 'another passphrase' })
    await expect(wrong).rejects.toThrow('Wrong passphrase: the target was encrypted with another one.')
    const none = openStore(target, { environment })
    await expect(none).rejects.toThrow(
      `${target} is encrypted. Pass the file with its passphrase as --passphrase-file.`,
    )
  })

  test('notices blobs that were swapped', async () => {
    await store.write('files/one', { text: 'one' })
    await store.write('files/two', { text: 'two' })
    const sealed = []
    for await (const { name } of openFolderStore(target).list('files/')) sealed.push(name)
    const paths = sealed.map((name) => join(target, name))
    const contents = await Promise.all(paths.map((path) => readFile(path)))
    await Promise.all(paths.map((path, index) => writeFile(path, contents[(index + 1) % contents.length] ?? '')))
    for (const name of ['files/one', 'files/two', `files/${hash}`])
      await expect(read(store, name)).rejects.toThrow(DamagedBlobError)
    await Promise.all(paths.map((path, index) => writeFile(path, contents[index] ?? '')))
    expect(await read(store, 'files/one')).toBe('one')
  })

  test.each([
    ['no JSON', 'x'],
    ['a newer format', '{"format":2}'],
    ['no work for the passphrase', (header: string) => header.replace('131072', '2')],
    ['too much memory for the passphrase', (header: string) => header.replace('131072', String(2 ** 30))],
  ])('with a header of %s is refused', async (_what, change) => {
    const file = join(target, 'backup.json')
    const header = await readFile(file, 'utf8')
    await writeFile(file, typeof change === 'string' ? change : change(header))
    await expect(openStore(target, { environment, passphrase })).rejects.toThrow(
      /^backup.json of the target is damaged/,
    )
    await writeFile(file, header)
  })

  test('is not made of a target that has other backups', async () => {
    const plain = join(folder, 'plain')
    await (await openStore(plain, { environment })).write('backups/one.json', { text: '{}' })
    await expect(openStore(plain, { environment, passphrase })).rejects.toThrow(/has backups without encryption/)
  })

  test('is left empty by reading it', async () => {
    const empty = join(folder, 'empty')
    await mkdir(empty)
    const reader = await openStore(empty, { environment, passphrase })
    expect(await reader.read('backups/one.json')).toBeUndefined()
    for await (const { name } of reader.list('')) expect.unreachable(name)
    expect(await readdir(empty)).toEqual([])
  })

  test('gets one key when two backups start it at the same time', async () => {
    const shared = join(folder, 'shared')
    const first = await encryptStore(openFolderStore(shared), passphrase)
    const second = await encryptStore(openFolderStore(shared), passphrase)
    await Promise.all([first.write('files/one', { text: 'one' }), second.write('files/two', { text: 'two' })])
    const later = await encryptStore(openFolderStore(shared), passphrase)
    expect([await read(later, 'files/one'), await read(later, 'files/two')]).toEqual(['one', 'two'])
  })

  test('reserves the name of its header', async () => {
    await expect(store.write('backup.json', { text: '{}' })).rejects.toThrow('reserved')
  })

  test('keeps its content when the folder is moved', async () => {
    const moved = join(folder, 'moved')
    await rename(target, moved)
    expect(await read(await openStore(moved, { environment, passphrase }), `files/${hash}`)).toBe(content)
  })
})

describe('the file of a passphrase', () => {
  test.each([
    ['without a line break', passphrase],
    ['with a line break', `${passphrase}\n`],
    ['with a line break of Windows', `${passphrase}\r\n`],
  ])('is read %s', async (_what, content) => {
    const file = join(folder, 'passphrase')
    await writeFile(file, content)
    expect(await readPassphrase(file)).toBe(passphrase)
  })

  test('is refused when it is missing or too short', async () => {
    await expect(readPassphrase(join(folder, 'none'))).rejects.toThrow(/^Passphrase file .* not found\.$/)
    await writeFile(join(folder, 'short'), 'elevenchars\n')
    await expect(readPassphrase(join(folder, 'short'))).rejects.toThrow('must have at least 12 characters.')
  })
})
