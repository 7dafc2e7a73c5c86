import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import Sqlite from 'libsql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyObject, copyTogether, readSourceState } from './object-copy.ts'

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
})

/** A thread that moves 1 from one file to another all the time: it takes it from the first, then gives it to the second. */
const moving = `
  const { parentPort, workerData: { files, libsql } } = require('node:worker_threads')
  const Sqlite = require(libsql)
  const opened = files.map((file) => new Sqlite(file))
  for (const sqlite of opened) sqlite.exec('PRAGMA synchronous=OFF')
  let isOver = false
  parentPort.on('message', () => { isOver = true })
  ;(async () => {
    for (let n = 0; !isOver; n++) {
      const [from, to] = n % 2 === 0 ? opened : [opened[1], opened[0]]
      from.exec('UPDATE t SET n = n - 1')
      to.exec('UPDATE t SET n = n + 1')
      if (n % 10 === 0) opened[0].exec('PRAGMA wal_checkpoint(PASSIVE)')
      await new Promise(setImmediate)
    }
    for (const sqlite of opened) sqlite.close()
    process.exit()
  })()`

test('files that change together all the time are copied at one moment', async () => {
  const files = [newFile(), newFile()].map((file) => ({ file, copy: newFile() }))
  for (const { file } of files) {
    const sqlite = open(file)
    sqlite.exec('CREATE TABLE t (n); INSERT INTO t VALUES (100)')
    sqlite.close()
  }
  const workerData = {
    files: files.map(({ file }) => file),
    libsql: createRequire(import.meta.url).resolve('libsql'),
  }
  const worker = new Worker(moving, { eval: true, workerData })
  const ended = once(worker, 'exit')
  const sum = (sqlites: readonly Sqlite.Database[]): number =>
    sqlites.reduce((total, sqlite) => total + (sqlite.prepare('SELECT n FROM t').raw().get() as [number])[0], 0)
  try {
    for (let round = 0; round < 20; round++) {
      const contents = await copyTogether(files, (opened) => sum(opened) === 200)
      const copies = files.map(({ copy }) => new Sqlite(copy, { readonly: true }))
      expect(sum(copies)).toBe(200)
      for (const copy of copies) copy.close()
      expect(contents.map((content) => content?.sha256)).toEqual(
        files.map(({ copy }) => createHash('sha256').update(readFileSync(copy)).digest('hex')),
      )
    }
  } finally {
    worker.postMessage('end')
    await ended
  }
})

test('files that never fit are copied in the end', async () => {
  const [file, copy] = [newFile(), newFile()]
  const sqlite = open(file)
  sqlite.exec('CREATE TABLE t (n); INSERT INTO t VALUES (1)')
  await copyTogether([{ file, copy }], () => false)
  expect(readRows(copy)).toEqual([[1, 1]])
  sqlite.close()
})

test('a missing file among files that are copied at one moment is an error, and none is created', async () => {
  const [file, copy] = [newFile(), newFile()]
  await expect(copyTogether([{ file, copy }], () => true)).rejects.toMatchObject({ code: 'SQLITE_CANTOPEN' })
  expect(existsSync(file)).toBe(false)
})

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
