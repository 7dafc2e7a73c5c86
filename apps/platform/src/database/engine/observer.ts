import type { ObjectChange } from '../../sqlite/schema-diff.ts'
import type { Statement } from '../../sqlite/tokenizer.ts'
import type { Analysis } from '../authorizer/authorizer.ts'

/** An observer of the statements that the engine runs. */
export interface StatementObserver {
  /**
   * Runs before a statement that can run long. `isWrite` says whether it writes, or is in a transaction that can.
   * @throws PerSQLError `long_writes_suspended`
   */
  started(sql: string, isWrite: boolean): number
  /** Runs after that statement ended. */
  finished(id: number): void
  /** Runs after a statement changed the schema, in its transaction, which can still be rolled back. */
  schemaChanged(statement: Statement, objects: readonly ObjectChange[]): void
  /** Runs before a destructive statement, in a call that enabled `reportsLoss`. */
  losing(analysis: Analysis): void
  /** Returns whether someone observes which tables change. */
  listening(): boolean
  /** Runs after a read that could have taken long: with its duration and the size of its result. */
  readInPlace(analysis: Analysis, ms: number, bytes: number): void
  /** Checks the time limit while rows are read; `startedMs` is on `performance.now()`'s clock. */
  overtime(startedMs: number): void
}

/** Rules for writes, checked in addition to the caller's permissions. */
export interface WriteGuard {
  /** Whether any rule applies. */
  readonly closed: boolean
  /** Checks a statement before it writes. @throws PerSQLError */
  enter(analysis: Analysis): void
  /** Checks the tables whose schema changed, in the transaction, which can still be rolled back. @throws PerSQLError */
  changed(tables: readonly string[]): void
}
