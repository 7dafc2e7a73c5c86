import { type Change, PerSQLError } from '@persql/contract'
import { disk } from '../../disk-space.ts'
import { diffObjects, diffOfStatement, readObjects, tablesChanged } from '../../sqlite/schema-diff.ts'
import type { RunSql } from '../../sqlite/schema-map.ts'
import { type Analysis, Authorizer, authorize, type Permission, reservedObjects } from '../authorizer/authorizer.ts'
import { listChanges, listSchemaChanges } from '../authorizer/changed-tables.ts'
import { CallCounters } from '../authorizer/counters.ts'
import { droppedTable, refuseCascade } from '../authorizer/drop.ts'
import type { StatementInput } from '../calls/call.ts'
import type { Seeds } from '../versions/ids/seeds.ts'
import { Attempts, type Made } from './attempt.ts'
import { ColumnTypes } from './column-types.ts'
import { addCounts, ConnectionCounts } from './connection-counts.ts'
import { DeferredKeys } from './deferred-keys.ts'
import { assertExpected } from './expectation.ts'
import type { Growth } from './growth.ts'
import type { StatementObserver, WriteGuard } from './observer.ts'
import { precheckDestructive } from './precheck.ts'
import { assertDistinct, MAX_RESULT_BYTES, type Result, tooLarge } from './result.ts'
import { DatabaseLocked } from './retry-required.ts'
import { assertRoomToWrite } from './room.ts'
import { canReturnIntegers, hasRoundedIntegers, rounded } from './rounded-integers.ts'
import { createRunSql } from './run-sql.ts'
import { type RunOutcome, StatementRunner } from './run-statement.ts'
import { Sequences } from './sequences.ts'
import { sqlError } from './sql-error.ts'
import type { SystemStorage } from './system-storage.ts'
import { transactionSync } from './transaction-sync.ts'
import type { WriteSuspension } from './write-suspension.ts'

/** The part of `Seeds` that assigns IDs above those of other databases with the same tables. */
type Seeding = Pick<Seeds, 'lacking' | 'around' | 'follow' | 'forget'>

/** Runs tenants' statements one at a time: compiles, authorizes, runs and collects the result. */
export class Engine {
  readonly #storage: DurableObjectStorage
  readonly #run: RunSql
  readonly #guard: Authorizer
  readonly #watch: StatementObserver
  readonly #gate: WriteGuard
  readonly #suspension: WriteSuspension
  readonly #growth: Growth
  readonly #keys: DeferredKeys
  readonly #sequences: Sequences
  readonly #counts: ConnectionCounts
  readonly #made: Made = { changes: [], writes: 0, hasSchemaRun: false }
  readonly #counters = new CallCounters()
  readonly #runner: StatementRunner
  readonly columnTypes: ColumnTypes
  /** Undoes statements. */
  readonly attempts: Attempts
  #bytesLeft = 0
  #reportsLoss = false
  #isAlone = false
  /** Returns whether a statement has to wait: a read for the lock, a write also for a copy. */
  readonly #onHold: (isRead: boolean) => boolean
  readonly #seeds: Seeding

  constructor(
    storage: DurableObjectStorage,
    ownPages: SystemStorage,
    watch: StatementObserver,
    gate: WriteGuard,
    suspension: WriteSuspension,
    growth: Growth,
    seeds: Seeding,
    onHold: (isRead: boolean) => boolean,
  ) {
    const run = createRunSql(storage.sql)
    this.#run = run
    this.#seeds = seeds
    this.columnTypes = new ColumnTypes(storage)
    this.#storage = storage
    this.#onHold = onHold
    this.#guard = new Authorizer(run)
    this.#keys = new DeferredKeys(storage, ownPages)
    this.#sequences = new Sequences(run)
    this.#counts = new ConnectionCounts(storage.sql)
    const ofSchema = [{ forget: () => this.#guard.invalidate() }, seeds]
    const caches = { ofRows: [this.#counts, this.#sequences], ofSchema, counters: this.#counters }
    this.attempts = new Attempts(storage, this.#made, this.#keys, caches)
    this.#watch = watch
    this.#runner = new StatementRunner(storage.sql, this.#counters, (startedMs) => watch.overtime(startedMs))
    this.#gate = gate
    this.#suspension = suspension
    this.#growth = growth
  }

  /**
   * Starts a call. Its statements together can return `MAX_RESULT_BYTES`.
   * @param continues whether it continues a transaction whose counters are still valid
   */
  begin(reportsLoss = false, continues = false): void {
    this.#bytesLeft = MAX_RESULT_BYTES
    this.#reportsLoss = reportsLoss
    this.#made.hasSchemaRun = false
    if (!continues) this.#counters.forget()
  }

  /** The number of writes so far, by which a reader notices that the rows can differ. Undone runs don't count. */
  get writes(): number {
    return this.#made.writes
  }

  /** Runs statements again. Their results don't count towards the size of this call's results. */
  repeat(work: () => void): void {
    const left = this.#bytesLeft
    this.#bytesLeft = Number.POSITIVE_INFINITY
    try {
      work()
    } finally {
      this.#bytesLeft = left
    }
  }

  /** Reports the destructive statements before the first statement runs. Call it if they don't share a transaction. */
  precheckDestructive(inputs: readonly StatementInput[], permission: Permission): void {
    if (this.#reportsLoss) precheckDestructive(inputs, permission, this, (analysis) => this.#watch.losing(analysis))
  }

  /** Runs the statements of the task that holds the exclusive lock. */
  runExclusive<T>(run: () => T): T {
    this.#isAlone = true
    try {
      return run()
    } finally {
      this.#isAlone = false
    }
  }

  /** Compiles and authorizes a statement without running it. @throws PerSQLError */
  prepare({ sql, params }: StatementInput, permission: Permission): Analysis {
    try {
      const analysis = this.#guard.analyse(sql, params)
      authorize(analysis, permission)
      analysis.parameters.assertGiven(params)
      return analysis
    } catch (cause) {
      throw this.#guard.refusalInScope(sql, permission, cause) ?? sqlError(cause, sql)
    }
  }

  /** Compiles and authorizes a statement that will be the only one of its call. @throws PerSQLError */
  prepareAlone(input: StatementInput, permission: Permission): Analysis {
    const analysis = this.prepare(input, permission)
    this.#assertCounted(analysis)
    return analysis
  }

  /** Lets the statements of this call read `total_changes()`. Call it before the first one. */
  countTotal(): void {
    this.#counters.countFrom(this.#counts.total())
  }

  /**
   * Checks that earlier statements of the call set the counters that `changes()` and related functions read.
   * @throws PerSQLError
   */
  #assertCounted({ counters, statement }: Analysis): void {
    if (counters.reads.length > 0 && statement.explain === 'no') this.#counters.assertSet(counters)
  }

  /** Checks whether a statement that writes may run, against the rules too. @throws PerSQLError */
  checkLock(analysis: Analysis): void {
    if (analysis.effect.kind === 'read') return
    if (disk.level > 0) assertRoomToWrite(analysis, this.#run)
    this.#suspension.assertWritable(analysis.effect.mayRunLong)
    if (this.#gate.closed) this.#gate.enter(analysis)
  }

  /** Checks that reads don't have to wait. @throws DatabaseLocked */
  assertReadable(): void {
    if (this.#onHold(true)) throw new DatabaseLocked()
  }

  /** Checks the deferred keys of a transaction that stays open if one is violated. @throws PerSQLError `sql_error` */
  checkKeysToCommit(): void {
    this.#keys.checkToCommit()
  }

  /**
   * Runs a prepared statement. It is all-or-nothing; with `inTransaction`, the caller's transaction rolls it back.
   * @param spared tables that are dropped next, so that a DROP TABLE can change their rows
   * @throws PerSQLError; the statement has no effect then
   */
  run(analysis: Analysis, input: StatementInput, inTransaction = false, spared = NO_TABLES): Result {
    const { kind, mayRunLong, appendsTo, defers } = analysis.effect
    this.#assertCounted(analysis)
    if (!this.#isAlone && this.#onHold(kind === 'read')) throw new DatabaseLocked()
    this.checkLock(analysis)
    if (analysis.loss) this.#foreseeLoss(analysis, spared)
    // `PRAGMA defer_foreign_keys` lasts until the transaction ends, so it has no effect outside one.
    if (defers === 'all' && !inTransaction) return NO_RESULT
    if (defers !== 'none' && this.#keys.open(defers === 'all')) {
      this.#counters.forget()
      this.#made.hasSchemaRun = true
    }
    const watched = mayRunLong ? this.#watch.started(input.sql, kind !== 'read' || inTransaction) : undefined
    try {
      if (kind === 'read') return this.#read(analysis, input)
      this.#made.writes++
      const isNearLimit = this.#growth.begin()
      // A single-row insert is atomic without a transaction.
      const mayLack = kind === 'write' && analysis.counters.reads.length === 0
      const lacking = mayLack ? this.#seeds.lacking(analysis.assigned) : NO_SEEDS
      if (lacking.length > 0) return this.#seeded(lacking, analysis, input, inTransaction)
      const whole = appendsTo !== undefined && defers === 'none' && input.expect === undefined && !isNearLimit
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
      if (kind === 'schema') this.#invalidate()
      if (watched !== undefined) this.#watch.finished(watched)
    }
  }

  /**
   * Runs statements in one transaction. It is rolled back if a foreign key is violated at its end.
   * @throws PerSQLError, or what `work` throws
   */
  transaction<T>(work: () => T): T {
    try {
      return transactionSync(this.#storage, () => {
        const result = work()
        this.checkKeys()
        return result
      })
    } catch (cause) {
      this.forget()
      throw cause
    }
  }

  /** Checks the deferred foreign keys at the end of the transaction, inside it. @throws PerSQLError `sql_error` */
  checkKeys(): void {
    this.#keys.check()
  }

  /**
   * Runs a statement with the IDs assigned in this database's range. Known rowids and the catalog are invalid
   * afterwards.
   */
  #seeded(tables: readonly string[], analysis: Analysis, input: StatementInput, inTransaction: boolean): Result {
    this.#invalidate()
    try {
      const result = this.#storage.transactionSync(() => {
        const written = this.#seeds.around(tables, () => this.#write(analysis, input))
        if (!inTransaction) this.#keys.check()
        return written
      })
      if (result.changes !== 0) return result
      // The last inserted row is the placeholder of the seed.
      this.#counters.forget()
      const { lastInsertRowid: _placeholder, ...without } = result
      return without
    } finally {
      this.#invalidate()
      this.#counters.forgetChanges()
    }
  }

  /** Refuses a DROP TABLE that would only damage other tables, before a snapshot is created for it. */
  #foreseeLoss(analysis: Analysis, spared: ReadonlySet<string>): void {
    const dropped = droppedTable(analysis.statement)
    if (dropped !== undefined) {
      refuseCascade(this.#run, dropped, spared)
    }
    if (this.#reportsLoss) this.#watch.losing(analysis)
  }

  /**
   * Checks that enough rowids remain for an insert, before it runs.
   * @param takes whether the statement needs one rowid or possibly more
   * @throws PerSQLError `sql_error`
   */
  checkSequences({ effect, sequenceImplied }: Analysis, takes = effect.countsOn): void {
    const { countsOn, setsRowids, writes } = effect
    if (countsOn !== 'never' && takes !== 'never') this.#sequences.check(writes, takes)
    if (setsRowids || !sequenceImplied) this.#sequences.forget()
  }

  /** Compiles each statement again at its next run. */
  recompile(): void {
    this.#guard.invalidate()
  }

  /** Drops the cached schema and rows. Call it after a rollback and after a change by other means. */
  forget(): void {
    this.#keys.forget()
    this.#invalidate()
    this.#seeds.forget()
    this.#made.changes = []
  }

  /** Returns the changes since the last call of this method: only `ALL` without listeners. */
  takeChanges(): readonly Change[] {
    if (this.#made.changes.length === 0) return NO_CHANGES
    const changes = this.#made.changes
    this.#made.changes = []
    return changes
  }

  #invalidate(): void {
    this.#made.hasSchemaRun = true
    this.#guard.invalidate()
    this.#counts.forget()
    this.#sequences.forget()
  }

  #read(analysis: Analysis, input: StatementInput): Result {
    const { result, suspects, bytes, startedMs } = this.#execute(analysis, input)
    if (analysis.shape) this.#watch.readInPlace(analysis, performance.now() - startedMs, bytes)
    // A second guard: a statement compiled as a read must not write.
    if (result.rowsWritten > 0) throw new PerSQLError('table_unresolved')
    if (suspects.size > 0 && canReturnIntegers(analysis.statement)) {
      const { sql, values } = analysis.bind(input.params)
      if (hasRoundedIntegers(this.#storage.sql, sql, values, result.columns.length, suspects)) throw rounded()
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
    this.#growth.wroteBy(analysis, result.rowsWritten)
    const counted = addCounts(result, analysis, this.#counts, this.#counters, input)
    if (!listening) this.#unheard()
    else {
      const { changes = 0 } = counted
      const otherRows = others ? this.#counts.total() - before - changes : 0
      this.#made.changes.push(...listChanges(analysis.touched, changes, otherRows))
    }
    return counted
  }

  #unheard(): void {
    if (this.#made.changes.length === 0) this.#made.changes.push(ALL)
  }

  #changeSchema(analysis: Analysis, input: StatementInput): Result {
    const rows = (text: string) => [...this.#storage.sql.exec(text).raw()]
    const [reserved, before] = [reservedObjects(rows), readObjects(rows)]
    const { result, suspects } = this.#execute(analysis, input)
    if (suspects.size > 0) throw rounded()
    if (reservedObjects(rows) !== reserved) throw new PerSQLError('table_protected', { table: '_persql_*' })
    assertExpected(input, result)
    this.#growth.wroteBy(analysis, result.rowsWritten)
    const after = readObjects(rows)
    if (this.#gate.closed) this.#gate.changed(tablesChanged(before, after))
    const objects = diffOfStatement(before, after)
    this.#counters.forget()
    if (objects.length === 0) return result
    this.#seeds.follow(objects)
    this.#watch.schemaChanged(analysis.statement, objects)
    if (!this.#watch.listening()) this.#unheard()
    else {
      this.#made.changes.push(...listSchemaChanges(analysis.touched, diffObjects(before, after)))
    }
    return result
  }

  #execute(analysis: Analysis, input: StatementInput): RunOutcome {
    const outcome = this.#runner.run(analysis, input, this.#bytesLeft)
    this.#bytesLeft -= outcome.bytes
    if (this.#bytesLeft < 0) throw tooLarge()
    if (input.asObjects) assertDistinct(outcome.result.columns)
    return outcome
  }
}

/** The change that stands for possible changes to all tables. */
export const ALL: Change = Object.freeze({ table: '*', kind: 'unknown' })
const NO_CHANGES: readonly Change[] = []
const NO_ROWS: Result['rows'] = []
const NO_RESULT: Result = Object.freeze({ columns: [], rows: NO_ROWS, rowsRead: 0, rowsWritten: 0 })
const NO_SEEDS: readonly string[] = []
const NO_TABLES: ReadonlySet<string> = new Set()
