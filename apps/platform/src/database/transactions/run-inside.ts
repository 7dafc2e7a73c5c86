import type { PerSQLError } from '@persql/contract'
import type { Grant, StatementInput } from '../calls/call.ts'
import type { Result } from '../engine/result.ts'
import { SnapshotRequired } from '../versions/snapshots/auto-snapshotter.ts'
import { type Control, parseControl } from './control.ts'
import type { Inside } from './inside.ts'
import { type OpenTransaction, sqlRefusal } from './open-transaction.ts'
import { EMPTY, type Given, give, type Next, type Program } from './program.ts'
import { assertEndsAlone, assertKeepsRows, losesRows } from './repeatable.ts'
import type { SessionServices } from './session-options.ts'

/** The part of a session that statements of a continued transaction use. */
export interface InsideCaller {
  readonly services: SessionServices
  readonly grant: Grant
  readonly getTransaction: () => OpenTransaction | undefined
  /** Runs a statement of no continued transaction. */
  readonly runOutside: <T>(program: Program<T>, input: StatementInput) => Next<T>
  /** Counts a statement to charge and log it. */
  readonly count: (input: StatementInput, result: Result) => Result
  /** Returns the error for the program. @throws what isn't the error of a statement */
  readonly toError: (cause: unknown) => PerSQLError
  readonly rolledBack: (transaction: OpenTransaction) => void
  readonly committed: () => void
}

/** Runs a program in a continued transaction, and what follows its end as in any other call. */
export async function runInside<T>(program: Program<T>, inside: Inside, caller: InsideCaller): Promise<T> {
  const { engine, transactions } = caller.services
  try {
    let next = program.next()
    while (!next.done) {
      const input = next.value
      const transaction = caller.getTransaction()
      if (transaction?.inside === inside) {
        next = give(program, await perform(transaction, input, inside, caller))
        continue
      }
      const run = () => caller.runOutside(program, input)
      next = inside.isRunning ? engine.runExclusive(run) : run()
    }
    return next.value
  } finally {
    const transaction = caller.getTransaction()
    if (transaction) transactions.used(transaction)
  }
}

/** Runs one statement of a continued transaction. */
async function perform(
  transaction: OpenTransaction,
  input: StatementInput,
  inside: Inside,
  caller: InsideCaller,
): Promise<Given> {
  const { engine, now } = caller.services
  try {
    const control = parseControl(input.sql)
    if (control) return await performControl(transaction, control, inside, caller)
    transaction.assertContinues(now())
    const result = engine.runExclusive(() => run(transaction, input, caller))
    return { result: caller.count(input, result) }
  } catch (cause) {
    return { error: caller.toError(cause instanceof SnapshotRequired ? losesRows() : cause) }
  }
}

function run(
  transaction: OpenTransaction,
  input: StatementInput,
  { services: { engine, hold }, grant }: InsideCaller,
): Result {
  const analysis = engine.prepare(input, grant)
  const { kind, defers } = analysis.effect
  if (kind === 'read' && defers === 'none') return engine.run(analysis, input, true)
  transaction.assertCanWrite()
  assertEndsAlone(analysis)
  assertKeepsRows(analysis)
  const result = hold.inside(() => engine.attempts.runInside(() => engine.run(analysis, input, true)))
  transaction.wrote(input, result.rowsWritten, analysis)
  return result
}

/** Performs a statement that controls the continued transaction. */
async function performControl(
  transaction: OpenTransaction,
  control: Control,
  inside: Inside,
  caller: InsideCaller,
): Promise<Given> {
  switch (control.kind) {
    case 'begin':
      throw sqlRefusal('cannot start a transaction within a transaction')
    case 'rollback':
      await inside.leave(0, 'undo')
      caller.rolledBack(transaction)
      return EMPTY
    case 'savepoint':
      transaction.savepoint(control.name)
      await inside.openLevel()
      return EMPTY
    case 'rollback_to': {
      const level = transaction.findNumber(control.name) + 1
      transaction.rollBackTo(control.name)
      await inside.leave(level, 'again')
      return EMPTY
    }
    case 'release': {
      const level = transaction.findNumber(control.name) + 1
      if (transaction.isEndedBy(control.name)) break
      transaction.release(control.name)
      await inside.leave(level, 'keep')
      return EMPTY
    }
    case 'commit':
  }
  caller.services.engine.checkKeysToCommit()
  inside.isCommitting = true
  caller.committed()
  return EMPTY
}
