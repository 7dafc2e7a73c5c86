import {
  type OpenTransaction,
  type PerSQLDatabase,
  PerSQLError,
  type QueryResult,
  type TransactionOptions,
} from '@persql/sdk'
import { CliError } from '../cli-error.ts'

/** The largest number of statements in one request. */
const MAX_STATEMENTS = 100
const MODES: Record<string, TransactionOptions['mode']> = {
  IMMEDIATE: 'write',
  EXCLUSIVE: 'write',
  READONLY: 'read',
}
const LEADING = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*/
const CONTROL =
  /^(?:(begin)(?:\s+(?:(deferred|immediate|exclusive)\b)?(?:\s*transaction)?(?:\s*(readonly))?)?|(commit|end|rollback)(?:\s+transaction)?)\s*$/i

/** A statement that starts or ends a transaction. */
export type Control = { kind: 'begin'; mode: TransactionOptions['mode'] } | { kind: 'commit' | 'rollback' }

/** Parses BEGIN, COMMIT, END and ROLLBACK. Returns `undefined` for any other statement. */
export function parseControl(sql: string): Control | undefined {
  const [, begin, kind, access, end] = CONTROL.exec(sql.replace(LEADING, '')) ?? []
  if (begin) return { kind: 'begin', mode: MODES[(access ?? kind ?? '').toUpperCase()] ?? 'deferred' }
  if (end) return { kind: /^rollback$/i.test(end) ? 'rollback' : 'commit' }
  return undefined
}

/**
 * A transaction whose statements a person types. A server ends a transaction that is idle for a few seconds. This one then runs
 * its statements again in a new transaction, and ends if their results differ.
 */
export class ShellTransaction {
  readonly #db: PerSQLDatabase
  readonly #mode: TransactionOptions['mode']
  readonly #abort = new AbortController()
  #open: OpenTransaction | undefined
  /** The statements that succeeded, with their results. */
  readonly #done: { sql: string; result: string }[] = []

  constructor(db: PerSQLDatabase, mode: TransactionOptions['mode']) {
    this.#db = db
    this.#mode = mode
  }

  /** Whether an error has ended the transaction. */
  isEnded = false

  /** Runs a statement. An abort of the signal ends the transaction. */
  async run(sql: string, signal: AbortSignal): Promise<QueryResult> {
    const result = await this.#while(signal, (transaction) => transaction.query(sql))
    this.#done.push({ sql, result: toText(result) })
    return result
  }

  async commit(signal: AbortSignal): Promise<void> {
    await this.#while(signal, (transaction) => transaction.commit())
    this.isEnded = true
  }

  async rollback(): Promise<void> {
    this.isEnded = true
    await this.#open?.rollback()
  }

  /** Runs a function with the open transaction, and with a new one if the server has ended it. */
  async #while<T>(signal: AbortSignal, run: (transaction: OpenTransaction) => Promise<T>): Promise<T> {
    const stop = () => this.#abort.abort(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    try {
      this.#open ??= await this.#begin()
      try {
        return await run(this.#open)
      } catch (cause) {
        if (!hasCode(cause, /^transaction_expired$/)) throw cause
        this.#open = await this.#repeat()
        return await run(this.#open)
      }
    } catch (cause) {
      if (signal.aborted || hasCode(cause, /^(transaction_|network$|timeout$)/)) {
        this.isEnded = true
        await this.#open?.rollback().catch(() => {})
      }
      throw cause
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  #begin(): Promise<OpenTransaction> {
    return this.#db.begin({ mode: this.#mode, signal: this.#abort.signal, timeoutMs: 0 })
  }

  /** Runs the statements again. @throws CliError if a result differs */
  async #repeat(): Promise<OpenTransaction> {
    const transaction = await this.#begin()
    for (let at = 0; at < this.#done.length; at += MAX_STATEMENTS) {
      const part = this.#done.slice(at, at + MAX_STATEMENTS)
      const results = await transaction.batch(part.map(({ sql }) => ({ sql })))
      if (results.every((result, index) => toText(result) === part[index]?.result)) continue
      await transaction.rollback()
      this.isEnded = true
      const message =
        'The transaction was rolled back, because another client changed the data that it had read. Run it again from BEGIN.'
      throw new CliError('failed', 'transaction_conflict', message)
    }
    return transaction
  }
}

const hasCode = (cause: unknown, codes: RegExp) => cause instanceof PerSQLError && codes.test(cause.code)

const toText = ({ columns, rows, changes }: QueryResult) =>
  JSON.stringify([columns, rows, changes], (_key, value) => (typeof value === 'bigint' ? `${value}` : value))
