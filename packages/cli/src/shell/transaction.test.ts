import { type PerSQLDatabase, PerSQLError } from '@persql/sdk'
import { expect, test } from 'vitest'
import { parseControl, ShellTransaction } from './transaction.ts'

test.each([
  ['BEGIN', { kind: 'begin', mode: 'deferred' }],
  ['begin transaction', { kind: 'begin', mode: 'deferred' }],
  ['-- one\n/* two */ BEGIN DEFERRED TRANSACTION', { kind: 'begin', mode: 'deferred' }],
  ['BEGIN IMMEDIATE', { kind: 'begin', mode: 'write' }],
  ['BEGIN EXCLUSIVE TRANSACTION', { kind: 'begin', mode: 'write' }],
  ['BEGIN READONLY', { kind: 'begin', mode: 'read' }],
  ['BEGIN TRANSACTION READONLY', { kind: 'begin', mode: 'read' }],
  ['COMMIT', { kind: 'commit' }],
  ['END TRANSACTION', { kind: 'commit' }],
  ['ROLLBACK', { kind: 'rollback' }],
  ['ROLLBACK TO one', undefined],
  ['SAVEPOINT one', undefined],
  ['BEGINNING', undefined],
  ['SELECT 1', undefined],
])('%s', (sql, control) => {
  expect(parseControl(sql)).toEqual(control)
})

/** Creates a database whose transactions the server ends after some requests. */
function createDatabase(lives: readonly number[], results: (sql: string, opened: number) => unknown[][]) {
  const log: string[] = []
  let opened = 0
  const begin = async () => {
    const number = ++opened
    let left = lives[number - 1] ?? Number.POSITIVE_INFINITY
    const call = <T>(text: string, value: T): T => {
      if (left-- <= 0) throw new PerSQLError({ status: 410, code: 'transaction_expired', message: 'Idle.' })
      log.push(`${number}: ${text}`)
      return value
    }
    const toResult = (sql: string) => ({
      columns: ['a'],
      rows: results(sql, number),
      data: [],
      rowsRead: 0,
      rowsWritten: 0,
    })
    return {
      query: async (sql: string) => call(sql, toResult(sql)),
      batch: async (all: { sql: string }[]) =>
        call(
          all.map(({ sql }) => sql).join(),
          all.map(({ sql }) => toResult(sql)),
        ),
      commit: async () => call('COMMIT', undefined),
      rollback: async () => void log.push(`${number}: ROLLBACK`),
    }
  }
  return { log, db: { begin } as unknown as PerSQLDatabase }
}
const { signal } = new AbortController()

test('statements run in one transaction while the server keeps it', async () => {
  const { log, db } = createDatabase([], () => [[1]])
  const transaction = new ShellTransaction(db, 'deferred')
  expect((await transaction.run('one', signal)).rows).toEqual([[1]])
  await transaction.run('two', signal)
  await transaction.commit(signal)
  expect([log, transaction.isEnded]).toEqual([['1: one', '1: two', '1: COMMIT'], true])
})

test('after the server has ended it, the statements run again, also before the commit', async () => {
  const { log, db } = createDatabase([2, 2], (sql) => [[sql]])
  const transaction = new ShellTransaction(db, 'deferred')
  for (const sql of ['one', 'two', 'three']) await transaction.run(sql, signal)
  await transaction.commit(signal)
  expect(log).toEqual(['1: one', '1: two', '2: one,two', '2: three', '3: one,two,three', '3: COMMIT'])
})

test('it ends if a result differs when the statements run again', async () => {
  const { log, db } = createDatabase([1], (_sql, opened) => [[opened]])
  const transaction = new ShellTransaction(db, 'deferred')
  await transaction.run('one', signal)
  await expect(transaction.commit(signal)).rejects.toMatchObject({ code: 'transaction_conflict' })
  expect([log, transaction.isEnded]).toEqual([['1: one', '2: one', '2: ROLLBACK'], true])
})
