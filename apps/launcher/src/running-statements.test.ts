import { expect, test } from 'vitest'
import { RunningStatements } from './running-statements.ts'

const about = { database: 'acme/main', tokenId: 'tok', isWrite: true, storage: { file: 'abc', hasRoom: true } }
const started = (id: number, sql = 'select 1') => JSON.stringify({ event: 'statement_started', id, ...about, sql })
const finished = (id: number) => JSON.stringify({ event: 'statement_finished', id })

test('the current statement is the one started last and not finished', () => {
  const statements = new RunningStatements()
  for (const line of [started(1, 'a'), started(2, 'b'), started(3, 'c'), finished(3)]) statements.read(line)
  expect(statements.current).toEqual({ id: 2, ...about, sql: 'b' })
  expect(statements.events).toBe(4)
})

test('no statement is current after all have finished or the process was replaced', () => {
  const statements = new RunningStatements()
  statements.read(started(1))
  statements.read(finished(1))
  expect(statements.current).toBeUndefined()
  statements.read(started(2))
  statements.clear()
  expect(statements.current).toBeUndefined()
})

test.each(['Uncaught exception', '{"event":"other","id":1}', '{"event":"statement_started", broken', '', 'null'])(
  'ignores lines without a statement event: %s',
  (line) => {
    const statements = new RunningStatements()
    expect(statements.read(line)).toBe(false)
    expect(statements.events).toBe(0)
  },
)
