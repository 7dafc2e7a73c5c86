import { type Change, PerSQLError } from '@persql/contract'
import {
  diffObjects,
  diffOfStatement,
  type ObjectChange,
  readObjects,
  tablesChanged,
} from '../../sqlite/schema-diff.ts'
import type { Statement } from '../../sqlite/tokenizer.ts'
import { type Analysis, Authorizer, authorise, type Permission, reservedObjects } from '../authorizer/authorizer.ts'
import { restoreNames } from '../authorizer/bind.ts'
import { changesOf, isOurs } from '../authorizer/changed-tables.ts'
import { CallCounters, withoutTotal } from '../authorizer/counters.ts'
import { droppedTable, refuseCascade } from '../authorizer/drop.ts'
import { assertParameters } from '../authorizer/parameters.ts'
import type { StatementInput } from '../calls/call.ts'
import type { Seeds } from '../versions/ids/seeds.ts'
import { ConnectionCounts } from './connection-counts.ts'
import { DeferredKeys } from './deferred-keys.ts'
import { assertExpected } from './expectation.ts'
import { collect, MAX_RESULT_BYTES, type Result, tooLarge } from './result.ts'
import { hasRoundedIntegers, rounded } from './rounded-integers.ts'
import { createRunSql } from './run-sql.ts'
import { Sequences } from './sequences.ts'
import { sqlError } from './sql-error.ts'
import type { SystemStorage } from './system-storage.ts'

/** Told of what statements do. */
export interface StatementObserver {
  /** Before a statement that may run long starts. */
  started(sql: string): number
  /** After it ended. */
  finished(id: number): void
  /** A statement has changed the schema, in the transaction that still may be rolled back. */
  schemaChanged(statement: Statement, objects: readonly ObjectChange[]): void
  /** Before a statement runs that loses rows without saying which, in a call that asked for this. */
  losing(analysis: Analysis): void
  /** Whether anybody wants to know which tables change. */
  listening(): boolean
  /** Asked while rows are read; `startedMs` is on `performance.now()`'s clock. */
  overtime(startedMs: number): void
}

/** Decides about writes, beyond what the caller may do. */
export interface WriteGuard {
  /** Whether there is anything to decide. */
  readonly closed: boolean
  /** Before a statement writes. @throws PerSQLError */
  enter(analysis: Analysis): void
  /** After the schema of these tables was changed, in the transaction that still may be rolled back. @throws PerSQLError */
  changed(tables: readonly string[]): void
}

/** Has ids assigned above those of other databases with the same tables. */
type Seeding = Pick<Seeds, 'lacking' | 'around' | 'follow' | 'forget'>

/** Thrown before anything was done that stays: something has to come first, then the call is served again. */
export class RetryRequired extends Error {}

/** A copy of the database is being made, or it is becoming one. */
export class DatabaseLocked extends RetryRequired {}

/** Runs single statements of tenants: compile, authorise, run, collect. */
export class Engine {
  readonly #storage: DurableObjectStorage
  readonly #guard: Authorizer
  readonly #watch: StatementObserver
  readonly #gate: WriteGuard
  readonly #keys: DeferredKeys
  readonly #sequences: Sequences
  readonly #counts: ConnectionCounts
  /** What was changed and not taken yet. */
  #changes: Change[] = []
  readonly #counters = new CallCounters()
  #bytesLeft = 0
  #tellsLoss = false
  #isAlone = false
  /** What has to wait until a copy is done. */
  readonly #onHold: (isRead: boolean) => boolean

  readonly #seeds: Seeding

  constructor(
    storage: DurableObjectStorage,
    ownPages: SystemStorage,
    watch: StatementObserver,
    gate: WriteGuard,
    seeds: Seeding,
    onHold: (isRead: boolean) => boolean,
  ) {
    const run = createRunSql(storage.sql)
    this.#seeds = seeds
    this.#storage = storage
    this.#onHold = onHold
    this.#guard = new Authorizer(run)
    this.#keys = new DeferredKeys(storage, ownPages)
    this.#sequences = new Sequences(run)
    this.#counts = new ConnectionCounts(storage.sql)
    this.#watch = watch
    this.#gate = gate
  }

  /** To be called before the statements of one call: together they may answer `MAX_RESULT_BYTES`. */
  begin(tellsLoss = false): void {
    this.#bytesLeft = MAX_RESULT_BYTES
    this.#tellsLoss = tellsLoss
    this.#counters.forget()
  }

  /** Tells of losses before any of these statements runs: to be called when they are not one transaction. */
  precheckDestructive(inputs: readonly StatementInput[], permission: Permission): void {
    if (!this.#tellsLoss || !inputs.some(({ sql }) => MAY_LOSE.test(sql))) return
    for (const input of inputs) {
      let analysis: Analysis
      try {
        analysis = this.prepare(input, permission)
      } catch {
        // It needs what an earlier one makes, so it loses nothing that is there now; or it will be refused.
        continue
      }
      // What is refused needs no snapshot.
      this.checkLock(analysis)
      if (analysis.loss) this.#watch.losing(analysis)
    }
  }

  /** Runs statements of whoever it is that others have to wait for. */
  runExclusive<T>(run: () => T): T {
    this.#isAlone = true
    try {
      return run()
    } finally {
      this.#isAlone = false
    }
  }

  /** Compiles and authorises without running. @throws PerSQLError */
  prepare({ sql, params }: StatementInput, permission: Permission): Analysis {
    try {
      const analysis = this.#guard.analyse(sql, params)
      authorise(analysis, permission)
      assertParameters(analysis.parameters, params.length)
      return analysis
    } catch (cause) {
      throw this.#guard.refusalInScope(sql, permission, cause) ?? sqlError(cause, sql)
    }
  }

  /** Compiles and authorises a statement that will be a call of its own. @throws PerSQLError */
  prepareAlone(input: StatementInput, permission: Permission): Analysis {
    const analysis = this.prepare(input, permission)
    this.#assertCounted(analysis)
    return analysis
  }

  /** Lets statements of this call read `total_changes()`: to be called before the first one. */
  countTotal(): void {
    this.#counters.countFrom(this.#counts.total())
  }

  /** Checks that earlier statements of the call set what `changes()` and its kin would read. @throws PerSQLError */
  #assertCounted({ counters, statement }: Analysis): void {
    if (counters.reads.length > 0 && statement.explain === 'no') this.#counters.assertSet(counters)
  }

  /** Asks the rules about a statement that writes. @throws PerSQLError */
  checkLock(analysis: Analysis): void {
    if (analysis.effect.kind !== 'read' && this.#gate.closed) this.#gate.enter(analysis)
  }

  /**
   * Runs a prepared statement whole or not at all; `inTransaction` leaves it to the caller's to be rolled back.
   * @param spared tables that are dropped next, so that a DROP TABLE may change their rows
   * @throws PerSQLError; then nothing of the statement stays
   */
  run(analysis: Analysis, input: StatementInput, inTransaction = false, spared = NO_TABLES): Result {
    const { kind, mayRunLong, appendsTo, defers } = analysis.effect
    this.#assertCounted(analysis)
    if (!this.#isAlone && this.#onHold(kind === 'read')) throw new DatabaseLocked()
    this.checkLock(analysis)
    if (analysis.loss) this.#foreseeLoss(analysis, spared)
    // It holds until the transaction ends: for a statement of its own, at once.
    if (defers === 'all' && !inTransaction) return NO_RESULT
    if (defers !== 'none' && this.#keys.open(defers === 'all')) this.#counters.forget()
    const watched = mayRunLong ? this.#watch.started(input.sql) : undefined
    try {
      if (kind === 'read') return this.#read(analysis, input)
      // One row is whole by itself.
      const mayLack = kind === 'write' && analysis.counters.reads.length === 0
      const lacking = mayLack ? this.#seeds.lacking(analysis.assigned) : NO_SEEDS
      if (lacking.length > 0) return this.#seeded(lacking, analysis, input, inTransaction)
      const whole = appendsTo !== undefined && defers === 'none' && input.expect === undefined
      if (inTransaction || whole) return this.#write(analysis, input)
      return this.#storage.transactionSync(() => {
        const result = this.#write(analysis, input)
        if (this.#keys.check()) this.#counters.forgetChanges()
        return result
      })
    } catch (cause) {
      this.#counts.forget()
      this.#sequences.forget()
      if (!inTransaction) this.#keys.forget()
      throw sqlError(cause, input.sql)
    } finally {
      if (kind === 'schema') this.#learnAnew()
      if (watched !== undefined) this.#watch.finished(watched)
    }
  }

  /**
   * Runs statements as one transaction: at its end no foreign key is violated, or all of it is rolled back.
   * @throws PerSQLError, or what `work` throws
   */
  transaction<T>(work: () => T): T {
    try {
      return this.#storage.transactionSync(() => {
        const result = work()
        this.checkKeys()
        return result
      })
    } catch (cause) {
      this.forget()
      throw cause
    }
  }

  /** Checks the foreign keys that were left to the end of the transaction, in it. @throws PerSQLError `sql_error` */
  checkKeys(): void {
    this.#keys.check()
  }

  /** Has the ids assigned where this database may assign them; what is known of rowids and of the catalog is void then. */
  #seeded(tables: readonly string[], analysis: Analysis, input: StatementInput, inTransaction: boolean): Result {
    this.#learnAnew()
    try {
      const result = this.#storage.transactionSync(() => {
        const written = this.#seeds.around(tables, () => this.#write(analysis, input))
        if (!inTransaction) this.#keys.check()
        return written
      })
      if (result.changes !== 0) return result
      // The last row that was inserted is the one that held the place.
      this.#counters.forget()
      const { lastInsertRowid: _placeholder, ...without } = result
      return without
    } finally {
      this.#learnAnew()
      this.#counters.forgetChanges()
    }
  }

  /** What only hurts others is refused before a snapshot is taken for it. */
  #foreseeLoss(analysis: Analysis, spared: ReadonlySet<string>): void {
    const dropped = droppedTable(analysis.statement)
    if (dropped !== undefined) {
      refuseCascade(createRunSql(this.#storage.sql), dropped, spared)
    }
    if (this.#tellsLoss) this.#watch.losing(analysis)
  }

  /**
   * Checks that there are rowids left for what a statement inserts, before it runs.
   * @param takes whether the statement takes one rowid, or maybe more
   * @throws PerSQLError `sql_error`
   */
  checkSequences({ effect, sequenceImplied }: Analysis, takes = effect.countsOn): void {
    const { countsOn, setsRowids, writes } = effect
    if (countsOn !== 'never' && takes !== 'never') this.#sequences.check(writes, takes)
    if (setsRowids || !sequenceImplied) this.#sequences.forget()
  }

  /** Drops what was learned of the schema and the rows: to be called after a rollback, or a change made by other means. */
  forget(): void {
    this.#keys.forget()
    this.#learnAnew()
    this.#seeds.forget()
    this.#changes = []
  }

  /** What was changed since this was asked last: `ALL` alone while nobody listens. */
  takeChanges(): readonly Change[] {
    if (this.#changes.length === 0) return NO_CHANGES
    const changes = this.#changes
    this.#changes = []
    return changes
  }

  #learnAnew(): void {
    this.#guard.invalidate()
    this.#counts.forget()
    this.#sequences.forget()
  }

  #read(analysis: Analysis, input: StatementInput): Result {
    const { result, suspects } = this.#execute(analysis, input)
    // A second lock: what was compiled as a read has written nothing.
    if (result.rowsWritten > 0) throw new PerSQLError('table_unresolved')
    if (suspects.size > 0 && hasRoundedIntegers(this.#storage.sql, analysis, input, result.columns.length, suspects)) {
      throw rounded()
    }
    assertExpected(input, result)
    return result
  }

  #write(analysis: Analysis, input: StatementInput): Result {
    const { kind } = analysis.effect
    this.checkSequences(analysis)
    if (kind === 'schema') return this.#changeSchema(analysis, input)
    const listening = this.#watch.listening()
    const others = listening && analysis.touched.others.length > 0
    const before = others ? this.#counts.total() : 0
    const { result, suspects } = this.#execute(analysis, input)
    if (suspects.size > 0) throw rounded()
    assertExpected(input, result)
    const counted = this.#counted(analysis, result)
    if (!listening) this.#unheard()
    else {
      const { changes = 0 } = counted
      const otherRows = others ? this.#counts.total() - before - changes : 0
      this.#changes.push(...changesOf(analysis.touched, changes, otherRows))
    }
    return counted
  }

  #unheard(): void {
    if (this.#changes.length === 0) this.#changes.push(ALL)
  }

  #changeSchema(analysis: Analysis, input: StatementInput): Result {
    const rows = (text: string) => [...this.#storage.sql.exec(text).raw()]
    const [reserved, before] = [reservedObjects(rows), readObjects(rows)]
    const { result, suspects } = this.#execute(analysis, input)
    if (suspects.size > 0) throw rounded()
    if (reservedObjects(rows) !== reserved) throw new PerSQLError('table_protected', { table: '_persql_*' })
    assertExpected(input, result)
    const after = readObjects(rows)
    if (this.#gate.closed) this.#gate.changed(tablesChanged(before, after))
    const objects = diffOfStatement(before, after)
    this.#counters.forget()
    if (objects.length === 0) return result
    this.#seeds.follow(objects)
    this.#watch.schemaChanged(analysis.statement, objects)
    if (!this.#watch.listening()) this.#unheard()
    else {
      // A dropped table is emptied first, and so may be those whose rows hang on it.
      const emptied = analysis.touched.others.map(({ table }) => ({ table, kind: 'unknown' as const }))
      const { added, removed, changed } = diffObjects(before, after)
      const tables = new Set(
        [...added, ...removed, ...changed].map(({ table }) => table).filter((name) => !isOurs(name)),
      )
      this.#changes.push(...[...tables].map((table) => ({ table, kind: 'schema' as const })), ...emptied)
    }
    return result
  }

  /** Adds the counts of the connection, as far as they are the call's. */
  #counted({ effect, statement, counters }: Analysis, result: Result): Result {
    const { changes, rowid } = this.#counts.after(effect, result)
    this.#counters.wrote(counters, changes)
    // Where the call has inserted no row, the rowid is one of an earlier call.
    const { verb } = statement
    const inserted = this.#counters.hasRowid && (verb === 'INSERT' || verb === 'REPLACE') && Number.isSafeInteger(rowid)
    const { columns, rows, rowsRead, rowsWritten } = result
    return inserted
      ? { columns, rows, rowsRead, rowsWritten, changes, lastInsertRowid: rowid }
      : { columns, rows, rowsRead, rowsWritten, changes }
  }

  #execute(analysis: Analysis, { params }: StatementInput) {
    const startedMs = performance.now()
    const counts = analysis.counters.reads.includes('total_changes') && analysis.statement.explain === 'no'
    const text = analysis.sqlFor(params)
    const sql = counts ? this.#counters.ofCall(text, analysis.counters) : text
    const cursor = this.#storage.sql.exec(sql, ...params)
    analysis.columns ??= restoreNames(counts ? cursor.columnNames.map(withoutTotal) : cursor.columnNames)
    const { columns } = analysis
    // Without columns there are no rows to wait for: the statement has run.
    if (columns.length === 0) return { result: resultOf(cursor, columns, NO_ROWS), suspects: NO_SUSPECTS }
    const { rows, suspects, bytes } = collect(cursor.raw(), this.#bytesLeft, () => this.#watch.overtime(startedMs))
    this.#bytesLeft -= bytes
    if (this.#bytesLeft < 0) throw tooLarge()
    return { result: resultOf(cursor, columns, rows), suspects }
  }
}

/** All tables may have changed. */
export const ALL: Change = Object.freeze({ table: '*', kind: 'unknown' })
const NO_CHANGES: readonly Change[] = []
const MAY_LOSE = /\b(delete|drop|replace)\b/i
const NO_ROWS: Result['rows'] = []
const NO_RESULT: Result = Object.freeze({ columns: [], rows: NO_ROWS, rowsRead: 0, rowsWritten: 0 })
const NO_SEEDS: readonly string[] = []
const NO_TABLES: ReadonlySet<string> = new Set()
const NO_SUSPECTS: ReadonlySet<number> = new Set()

const resultOf = (
  { rowsRead, rowsWritten }: SqlStorageCursor<Record<string, SqlStorageValue>>,
  columns: readonly string[],
  rows: Result['rows'],
): Result => ({ columns, rows, rowsRead, rowsWritten })
