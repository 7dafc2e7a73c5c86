import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import Sqlite from 'libsql'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { removeEmptyFiles } from './empty-files.ts'
import { objectsFolder } from './workerd-process.ts'

let data: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'persql-empty-'))
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

/** Returns the path of a new file of an object. */
function objectFile(cell = 0, kind = 'database', name = `${Math.random()}`): string {
  const file = join(objectsFolder(data, cell), kind, `${createHash('sha256').update(name).digest('hex')}.sqlite`)
  mkdirSync(dirname(file), { recursive: true })
  return file
}

/** Writes a SQLite file in WAL mode, as the runtime does, and runs statements in it. */
function write(file: string, ...statements: string[]): string {
  const database = new Sqlite(file)
  database.exec('PRAGMA journal_mode = WAL')
  for (const sql of statements) database.exec(sql)
  database.close()
  return file
}

const dropped = ['CREATE TABLE t (a)', "INSERT INTO t VALUES ('x')"]

it.each<[name: string, create: () => string]>([
  ['a SQLite file without tables', () => write(objectFile())],
  ['a file of 0 bytes', () => touch(objectFile(), '')],
  [
    'a file without tables and with an empty log',
    () => {
      const file = write(objectFile())
      touch(`${file}-wal`, '')
      touch(`${file}-shm`, 'x')
      return file
    },
  ],
  ['a file of another cell', () => write(objectFile(1))],
])('removes %s', async (_, create) => {
  const file = create()
  expect(await removeEmptyFiles(data, 2)).toBe(1)
  expect(readdirSync(dirname(file))).toEqual([])
})

it.each<[name: string, create: () => string]>([
  ['a file with a table', () => write(objectFile(), 'CREATE TABLE t (a)')],
  ['a file with rows', () => write(objectFile(), ...dropped)],
  ['a file whose tables were dropped, which has free pages', () => write(objectFile(), ...dropped, 'DROP TABLE t')],
  [
    'a file without tables whose log has data',
    () => {
      const file = write(objectFile())
      touch(`${file}-wal`, 'frames')
      return file
    },
  ],
  ['a damaged file of one page', () => touch(objectFile(), 'x'.repeat(4_096))],
  ['a truncated file', () => touch(objectFile(), 'SQLite format 3\0')],
  ['the file of a namespace', () => write(objectFile(0, 'namespace'))],
  ["the runtime's list", () => write(join(dirname(objectFile()), 'metadata.sqlite'))],
  ['a folder', () => folder(objectFile())],
])('keeps %s', async (_, create) => {
  const file = create()
  const before = statSync(file).size
  expect(await removeEmptyFiles(data, 2)).toBe(0)
  expect(existsSync(file) && statSync(file).size).toBe(before)
})

it('does nothing without a data folder', async () => {
  expect(await removeEmptyFiles(join(data, 'missing'))).toBe(0)
})

it('removes the remaining files at later starts, if there are many', async () => {
  for (let index = 0; index < 200; index++) touch(objectFile(0, 'database', String(index)), '')
  let calls = 0
  const first = await removeEmptyFiles(data, 1, () => (calls++ < 2 ? 0 : 10_000))
  expect(first).toBeGreaterThan(0)
  expect(first).toBeLessThan(200)
  expect(await removeEmptyFiles(data)).toBe(200 - first)
})

function touch(file: string, content: string): string {
  writeFileSync(file, content)
  return file
}

function folder(path: string): string {
  mkdirSync(path)
  return path
}
