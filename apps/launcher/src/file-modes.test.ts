import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formatOpenPaths, makeDataPrivate } from './file-modes.ts'

let root: string
let data: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'persql-modes-'))
  data = join(root, 'data')
  mkdirSync(data)
})
afterEach(() => rmSync(root, { recursive: true }))

/** Creates a file and its folders, which every user can read. */
function write(path: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true })
  for (let folder = dirname(path); folder.startsWith(root) && folder !== root; folder = dirname(folder)) {
    chmodSync(folder, 0o755)
  }
  writeFileSync(path, 'x')
  chmodSync(path, mode)
}

const readMode = (path: string): string => (statSync(path).mode & 0o777).toString(8)

describe.skipIf(process.platform === 'win32')('on systems with modes', () => {
  test.each([
    ['secret', '600'],
    ['secret.new', '600'],
    ['bootstrap.json', '600'],
    ['format.json', '600'],
    ['last-backup.json', '600'],
    ['ballast', '600'],
    ['objects/database/ab.sqlite', '600'],
    ['objects/database/ab.sqlite-wal', '600'],
    ['objects/database', '700'],
    ['objects', '700'],
    ['cells/1/objects/namespace/ab.sqlite', '600'],
    ['cells/1/objects', '700'],
    ['run/workerd.capnp', '600'],
    ['tmp/results/0/1', '600'],
    ['packages/persql-sdk.tgz', '600'],
    // Of the operator.
    ['readme.txt', '644'],
    ['site/index.html', '644'],
    ['site', '755'],
    ['.', '755'],
  ])('%s of a data folder of mode 755 has the mode %s after a start', async (path, mode) => {
    const files = ['secret', 'secret.new', 'bootstrap.json', 'format.json', 'last-backup.json', 'ballast', 'readme.txt']
    const inFolders = [
      ...['objects/database/ab.sqlite', 'objects/database/ab.sqlite-wal', 'cells/1/objects/namespace/ab.sqlite'],
      ...['run/workerd.capnp', 'tmp/results/0/1', 'packages/persql-sdk.tgz', 'site/index.html'],
    ]
    for (const file of [...files, ...inFolders]) write(join(data, file))
    expect(await makeDataPrivate(data, 2)).toEqual([])
    expect(readMode(join(data, path))).toBe(mode)
  })

  test('only rights of others are taken away', async () => {
    write(join(data, 'objects/database/ab.sqlite'), 0o444)
    write(join(data, 'secret'), 0o440)
    await makeDataPrivate(data, 1)
    expect(readMode(join(data, 'objects/database/ab.sqlite'))).toBe('400')
    expect(readMode(join(data, 'secret'))).toBe('400')
  })

  test('a private folder is not searched again', async () => {
    write(join(data, 'objects/database/ab.sqlite'))
    chmodSync(join(data, 'objects'), 0o700)
    await makeDataPrivate(data, 1)
    expect(readMode(join(data, 'objects/database/ab.sqlite'))).toBe('644')
  })

  test('objects on another disk are private too, and other links are not followed', async () => {
    write(join(root, 'disk/database/ab.sqlite'))
    write(join(root, 'docs/index.html'))
    symlinkSync(join(root, 'disk'), join(data, 'objects'))
    mkdirSync(join(data, 'run'), { mode: 0o755 })
    symlinkSync(join(root, 'docs'), join(data, 'run/docs'))
    symlinkSync(join(root, 'docs/index.html'), join(data, 'secret'))
    await makeDataPrivate(data, 1)
    expect(readMode(join(root, 'disk'))).toBe('700')
    expect(readMode(join(root, 'disk/database/ab.sqlite'))).toBe('600')
    expect(readMode(join(root, 'docs'))).toBe('755')
    expect(readMode(join(root, 'docs/index.html'))).toBe('644')
    expect(lstatSync(join(data, 'secret')).isSymbolicLink()).toBe(true)
    expect(readdirSync(join(data, 'run'))).toEqual(['docs'])
  })

  test('a folder without any of these stays as it is', async () => {
    expect(await makeDataPrivate(data, 1)).toEqual([])
    expect(readdirSync(data)).toEqual([])
  })
})

test.each([
  [['/data/secret'], '/data/secret, and'],
  [['/data/secret', '/data/objects'], '/data/secret and 1 more, and'],
])('paths that stay open, %j, are one sentence', (open, expected) => {
  expect(formatOpenPaths(open)).toContain(`can use ${expected} PerSQL isn't allowed to change that. Run "`)
})
