import { PerSQLError } from '@persql/contract'
import type { StatementInput } from '../calls/call.ts'
import type { Outcome } from '../calls/outcome.ts'
import type { TransactionMode } from './control.ts'

/** The most writes of a transaction. */
export const MAX_WRITES = 200
/** The most bytes that the writes of a transaction have. */
const MAX_BYTES = 8 * 1024 * 1024
/** The longest that all runs of a transaction take together, repeated writes included. */
const MAX_RUN_MS = 3_000
/** The largest response that is kept for a step that is sent again. */
const MAX_ANSWER_BYTES = 1024 * 1024

/** A write that succeeded: it is repeated before later statements, and at COMMIT. */
interface Write {
  readonly input: StatementInput
  readonly rowsWritten: number
  readonly bytes: number
  /** Whether it writes other values if it runs again. */
  readonly isRandom: boolean
}

/** A savepoint: the number of writes before it. */
interface Savepoint {
  readonly name: string
  readonly at: number
}

/** The state to which a transaction returns if its call has to be repeated. */
export interface TransactionMark {
  readonly writes: readonly Write[]
  readonly savepoints: readonly Savepoint[]
  readonly seen: number | undefined
  readonly isDoomed: boolean
}

/** The response to a numbered step. */
export interface StepAnswer {
  readonly step: number
  /** `undefined` if it is too large. */
  readonly outcome: Outcome | undefined
}

/**
 * An interactive transaction: the writes that succeeded so far, in memory. The file has none of their effects until COMMIT runs
 * all of them once more. If the object ends, nothing was ever written.
 */
export class OpenTransaction {
  readonly id: string
  readonly tokenId: string
  /** The key of the secret that opened it. */
  readonly secretKey: string
  readonly mode: TransactionMode
  readonly openedMs: number
  /** The end of its last call. */
  usedMs: number
  /** Whether a SAVEPOINT opened it, so that RELEASE of this savepoint commits it. */
  readonly isSavepoint: boolean
  /** Whether other writers have waited since the transaction was known to see the current rows. */
  holds = false
  /** Whether a reader runs its statements, so that it isn't idle. */
  isReading = false
  /** The number of the last step, with its response. */
  answer: StepAnswer = { step: 0, outcome: undefined }
  #writes: Write[] = []
  #savepoints: Savepoint[] = []
  #bytes = 0
  #runMs = 0
  /** The number of writes of the database when it was first read. */
  #seen: number | undefined
  #isDoomed = false

  constructor(options: Pick<OpenTransaction, 'id' | 'tokenId' | 'secretKey' | 'mode' | 'openedMs' | 'isSavepoint'>) {
    this.id = options.id
    this.tokenId = options.tokenId
    this.secretKey = options.secretKey
    this.mode = options.mode
    this.openedMs = options.openedMs
    this.usedMs = options.openedMs
    this.isSavepoint = options.isSavepoint
  }

  /** The writes to repeat. */
  get inputs(): readonly StatementInput[] {
    return this.#writes.map(({ input }) => input)
  }

  get hasWritten(): boolean {
    return this.#writes.length > 0
  }

  /** Whether its writes can't be repeated, because one of them writes random values. */
  get isRandom(): boolean {
    return this.#writes.some(({ isRandom }) => isRandom)
  }

  get rowsWritten(): number {
    return this.#writes.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0)
  }

  /** The memory that its writes take. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether a conflict was found, so that it can only be rolled back. */
  get isDoomed(): boolean {
    return this.#isDoomed
  }

  /**
   * Checks that no other write ran between its first read and now. Call it for each statement before it holds the database.
   * @throws PerSQLError `transaction_conflict`
   */
  see(writes: number): void {
    this.#seen ??= writes
    if (this.#seen !== writes) this.#isDoomed = true
    this.assertAlive()
  }

  /** @throws PerSQLError `transaction_conflict` */
  assertAlive(): void {
    if (this.#isDoomed) throw new PerSQLError('transaction_conflict')
  }

  /** Records the duration of a run. */
  ran(ms: number): void {
    this.#runMs += ms
  }

  /** @throws PerSQLError `transaction_too_long` if the runs took too long */
  assertTime(): void {
    if (this.#runMs <= MAX_RUN_MS) return
    const problem = `took ${MAX_RUN_MS / 1000} s so far, repeated statements included`
    throw new PerSQLError('transaction_too_long', { problem })
  }

  /**
   * Checks that it may have one more write.
   * @param isRepeated whether its writes are repeated by later calls
   * @throws PerSQLError `statement_not_allowed` in a read transaction, `transaction_too_long`
   */
  assertWritable(isRepeated: boolean): void {
    if (this.mode === 'read') {
      const instead = 'Open a transaction that can write.'
      throw new PerSQLError('statement_not_allowed', { what: 'A write in a read transaction', instead })
    }
    if (!isRepeated) return
    if (this.#writes.length >= MAX_WRITES)
      throw new PerSQLError('transaction_too_long', { problem: `already has ${MAX_WRITES} writes, which is the limit` })
    if (this.#bytes >= MAX_BYTES)
      throw new PerSQLError('transaction_too_long', {
        problem: `already has ${MAX_BYTES / 1024 / 1024} MB of statements`,
      })
  }

  /** Adds a write that succeeded. */
  wrote(input: StatementInput, rowsWritten: number, isRandom: boolean): void {
    const bytes = estimateBytes(input)
    this.#writes.push({ input, rowsWritten, bytes, isRandom })
    this.#bytes += bytes
  }

  savepoint(name: string): void {
    this.#savepoints.push({ name, at: this.#writes.length })
  }

  /** Removes a savepoint and those after it. Returns whether that ends the transaction. @throws PerSQLError `sql_error` */
  release(name: string): boolean {
    const at = this.#find(name)
    if (at === 0 && this.isSavepoint) return true
    this.#savepoints.length = at
    return false
  }

  /** Removes the writes after a savepoint. @throws PerSQLError `sql_error` */
  rollBackTo(name: string): void {
    const at = this.#find(name)
    this.#savepoints.length = at + 1
    this.#setWrites(this.#writes.slice(0, this.#savepoints[at]?.at))
  }

  /** Keeps the response to a step. */
  keepAnswer(step: number, outcome: Outcome): void {
    const { dataText, failure } = outcome
    const length = dataText?.length ?? JSON.stringify(failure).length
    const replayed = { ...outcome, data: undefined, rowsRead: 0, rowsWritten: 0, statementCount: 0, sql: '' }
    this.answer = { step, outcome: length > MAX_ANSWER_BYTES ? undefined : replayed }
  }

  get mark(): TransactionMark {
    return { writes: [...this.#writes], savepoints: [...this.#savepoints], seen: this.#seen, isDoomed: this.#isDoomed }
  }

  /** Returns to an earlier state, because the call runs again. */
  reset({ writes, savepoints, seen, isDoomed }: TransactionMark): void {
    this.#setWrites([...writes])
    this.#savepoints = [...savepoints]
    this.#seen = seen
    this.#isDoomed = isDoomed
  }

  #setWrites(writes: Write[]): void {
    this.#writes = writes
    this.#bytes = writes.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  #find(name: string): number {
    const at = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name)
    if (at < 0) throw sqlRefusal(`no such savepoint: ${name}`)
    return at
  }
}

/** Returns SQLite's own error for a statement that controls a transaction. */
export function sqlRefusal(message: string): PerSQLError {
  return new PerSQLError('sql_error', { message }, { extra: { errorDetail: { kind: 'unknown', message } } })
}

/** Returns the approximate memory that a statement takes. */
function estimateBytes({ sql, params }: StatementInput): number {
  let bytes = 100 + sql.length
  for (const entry of params as Iterable<unknown>) {
    // Named parameters are pairs.
    const value = Array.isArray(entry) ? entry[1] : entry
    bytes += typeof value === 'string' || value instanceof Uint8Array ? value.length : 8
  }
  return bytes
}
