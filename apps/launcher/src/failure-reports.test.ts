import { expect, test } from 'vitest'
import { FailureReports } from './failure-reports.ts'

function collect() {
  const sent: string[] = []
  const reports = new FailureReports(async (reference, message) => void sent.push(`${reference} ${message}`))
  return { sent, read: (...lines: string[]) => lines.forEach((line) => void reports.read(line)) }
}
const failure = (text: string) => `workerd/jsg/util.c++:320: error: e = workerd/util/sqlite.c++:914: failed: ${text}`
const stack = (reference: string) =>
  `stack: /x/workerd@3c63c30; sentryErrorContext = x; wdErrId = ${reference}; sentryTag = X`

test('a failure is reported with its reference', () => {
  const { sent, read } = collect()
  read(failure('SQLite failed; dbErrorMessage(err, db) = file is not a database: SQLITE_NOTADB'), stack('a1'))
  read(failure('unable to open database file: SQLITE_CANTOPEN'), 'another line', stack('b2'))
  read(failure('x = disk I/O error: SQLITE_IOERR (extended: SQLITE_IOERR_SHMSIZE)'), stack('c3'))
  expect(sent).toEqual([
    'a1 SQLite failed: SQLITE_NOTADB',
    'b2 SQLite failed: SQLITE_CANTOPEN',
    'c3 SQLite failed: SQLITE_IOERR (extended: SQLITE_IOERR_SHMSIZE)',
  ])
})

test('other lines report nothing', () => {
  const { sent, read } = collect()
  read(stack('a1'), 'a tenant wrote: failed: x: SQLITE_CORRUPT', stack('b2'))
  read('{"event":"statement_started","sql":"failed: SQLITE_CORRUPT"}', stack('c3'))
  expect(sent).toEqual([])
})
