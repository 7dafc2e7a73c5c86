import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'libsql'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type FolderHold, holdFolder } from './folder-hold.ts'
import { findUse, readFile, withUse } from './object-files.ts'

let data: string
let hold: FolderHold | undefined
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'persql-use-'))
})
afterEach(() => {
  hold?.release()
  hold = undefined
  rmSync(data, { recursive: true })
})

const start = async (): Promise<void> => {
  hold = await holdFolder(data)
}

test('the files of a folder are shared while an instance holds it', async () => {
  expect(await findUse(data)).toBe('unused')
  await start()
  expect(await findUse(data)).toBe('shared')
  hold?.release()
  expect(await findUse(data)).toBe('unused')
  expect(await findUse(join(data, 'missing'))).toBe('unused')
})

test('what was read while an instance started is refused', async () => {
  expect(await withUse(data, (use) => use)).toBe('unused')
  await expect(withUse(data, start)).rejects.toThrow(
    `PerSQL started on ${data} while its files were read. Run the command again.`,
  )
  expect(await withUse(data, (use) => use)).toBe('shared')
})

test('an instance that ends during a read changes nothing', async () => {
  await start()
  expect(
    await withUse(data, (use) => {
      hold?.release()
      return use
    }),
  ).toBe('shared')
})

test.each([
  ['unused', []],
  ['shared', ['main.sqlite-shm', 'main.sqlite-wal']],
] as const)('a read of a file that is %s leaves %o', (use, left) => {
  const file = join(data, 'main.sqlite')
  const sqlite = new Sqlite(file)
  sqlite.exec('PRAGMA journal_mode = WAL')
  sqlite.exec('CREATE TABLE t (n)')
  sqlite.close()
  const names = readFile(file, (opened) => opened.prepare('SELECT name FROM sqlite_schema').raw().all(), use)
  expect(names).toEqual([['t']])
  expect(
    readdirSync(data)
      .filter((name) => name !== 'main.sqlite')
      .sort(),
  ).toEqual(left)
})
