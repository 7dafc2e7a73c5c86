import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import Sqlite from 'libsql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyObject, readSourceState } from './object-copy.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'persql-copy-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

let number = 0
const newFile = () => join(folder, `${++number}.sqlite`)
const open = (file: string) => {
  const sqlite = new Sqlite(file)
  sqlite.exec('PRAGMA journal_mode=WAL')
  return sqlite
}
const readRows = (file: string): unknown[] => {
  const sqlite = new Sqlite(file)
  try {
    return sqlite.prepare('SELECT rowid, n FROM t').raw().all()
  } finally {
    sqlite.close()
  }
}

test('a copy has what is only in the log, the row IDs and the fields of the header', async () => {
  const [file, copy] = [newFile(), newFile()]
  const sqlite = open(file)
  sqlite.exec('PRAGMA user_version = 7; PRAGMA application_id = 11; CREATE TABLE t (n)')
  sqlite.exec('INSERT INTO t (rowid, n) VALUES (3, 1), (8, 2); DELETE FROM t WHERE n = 1')
  await copyObject(file, copy)
  expect(readRows(copy)).toEqual([[8, 2]])
  const read = new Sqlite(copy)
  expect(read.prepare('PRAGMA user_version').raw().get()).toEqual([7])
  expect(read.prepare('PRAGMA application_id').raw().get()).toEqual([11])
  read.close()
  sqlite.close()
})

test('a checkpoint changes no copy, and each write changes it', async () => {
  const [file, first, second, third] = [newFile(), newFile(), newFile(), newFile()]
  const sqlite = open(file)
  sqlite.exec('CREATE TABLE t (n); INSERT INTO t VALUES (1)')
  const before = await copyObject(file, first)
  sqlite.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  expect(await copyObject(file, second)).toEqual(before)
  sqlite.exec('UPDATE t SET n = 2')
  expect(await copyObject(file, third)).not.toEqual(before)
  sqlite.close()
  expect(before?.sha256).toBe(createHash('sha256').update(readFileSync(first)).digest('hex'))
})

/** Slots on pages of their own: the n-th transaction writes n to one of them. */
const SLOTS = 20

test('a file that is written and checkpointed during the copy is copied in one state', async () => {
  const [file, copy] = [newFile(), newFile()]
  const sqlite = open(file)
  sqlite.exec('PRAGMA synchronous=OFF; CREATE TABLE t (slot INTEGER PRIMARY KEY, n, filler)')
  for (let slot = 0; slot < SLOTS; slot++) sqlite.exec(`INSERT INTO t VALUES (${slot}, ${slot}, zeroblob(3000))`)
  sqlite.exec('CREATE TABLE large (b); INSERT INTO large VALUES (zeroblob(20000000))')
  await delay(150)
  let isOver = false
  const writing = (async () => {
    for (let n = SLOTS; !isOver; n++) {
      sqlite.exec(`UPDATE t SET n = ${n} WHERE slot = ${n % SLOTS}`)
      if (n % 3 === 0) sqlite.exec('PRAGMA wal_checkpoint(PASSIVE)')
      await setImmediate()
    }
  })()
  try {
    for (let round = 0; round < 3; round++) {
      await copyObject(file, copy)
      const read = new Sqlite(copy)
      const values = read.prepare('SELECT n FROM t ORDER BY n').raw().all().flat() as number[]
      expect(values).toEqual(Array.from({ length: SLOTS }, (_, index) => (values[0] as number) + index))
      expect(read.prepare('PRAGMA integrity_check').raw().all()).toEqual([['ok']])
      read.close()
    }
  } finally {
    isOver = true
    await writing
    sqlite.close()
  }
}, 30_000)

test('a missing file and one without pages have no copy', async () => {
  const empty = newFile()
  writeFileSync(empty, '')
  expect(await copyObject(newFile(), newFile())).toBeUndefined()
  expect(await copyObject(empty, newFile())).toBeUndefined()
})

test('the state of a file is unknown shortly after a write', async () => {
  const file = newFile()
  writeFileSync(file, 'x')
  expect(await readSourceState(file)).toBeUndefined()
})
