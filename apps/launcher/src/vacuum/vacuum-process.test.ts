import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import Sqlite from 'libsql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { vacuumBuild, writeBuild } from '../build.ts'
import { startVacuum } from './vacuum-process.ts'

const limits = { minFreeBytes: 0, minFreeShare: 0, maxLiveBytes: 1e9, roomBytes: 1e9 }

let data: string
let program: string
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'persql-vacuum-'))
  await mkdir(join(data, 'tmp'))
  program = join(data, 'vacuum.cjs')
  await writeBuild(vacuumBuild(program))
})
afterAll(() => rm(data, { recursive: true }))

/** Opens a file as the platform does, with free pages and a table without a key. */
function openFile(name: string) {
  const file = join(data, name)
  const owner = new Sqlite(file)
  const rows = (count: number) => `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`
  owner.exec('PRAGMA journal_mode = wal; CREATE TABLE gone (b); CREATE TABLE t (a, b)')
  owner.exec(`${rows(2_000)} INSERT INTO gone SELECT zeroblob(5000) FROM n`)
  owner.exec(`${rows(2_000)} INSERT INTO t (rowid, a, b) SELECT i * 7, i, randomblob(5000) FROM n`)
  owner.exec('DROP TABLE gone')
  const read = (sql: string) => owner.prepare(sql).raw().all() as unknown[][]
  const content = () => read('SELECT count(*), min(rowid), max(rowid), sum(rowid * a), sum(length(b)) FROM t')
  return { file, owner, read, content }
}

test('a process that is killed at any time leaves the old or the new content', async () => {
  const { file, owner, read, content } = openFile('killed.sqlite')
  const before = content()
  let ran: object | undefined
  for (let ms = 0; ran === undefined; ms += 25) {
    const vacuum = startVacuum(program, data, { file, limits })
    const outcome = await Promise.race([vacuum.outcome, delay(ms)])
    vacuum.kill()
    await vacuum.outcome
    if (outcome && 'freedBytes' in outcome) ran = outcome
    for (const [name] of read("SELECT name FROM sqlite_master WHERE type = 'index'")) owner.exec(`DROP INDEX "${name}"`)
    expect(content()).toEqual(before)
    expect(read('PRAGMA integrity_check')).toEqual([['ok']])
    owner.exec('UPDATE t SET b = b WHERE rowid = 7')
  }
  owner.close()
})

test('a lock that another process holds is a failure, and a file that is missing too', async () => {
  const { file, owner } = openFile('locked.sqlite')
  owner.exec('BEGIN IMMEDIATE')
  expect(await startVacuum(program, data, { file, limits }).outcome).toEqual({ failed: 'database is locked' })
  owner.exec('ROLLBACK')
  owner.close()
  const missing = join(data, 'missing', 'a.sqlite')
  expect(await startVacuum(program, data, { file: missing, limits }).outcome).toHaveProperty('failed')
})
