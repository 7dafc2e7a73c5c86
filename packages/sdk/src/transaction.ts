import { randomKey, type Target, type TargetSource } from './bind-routes.ts'
import { PerSQLError } from './errors.ts'
import { type Answer, type Call, pause } from './http.ts'
import type { OpenTransaction, TransactionOptions } from './transaction-types.ts'
import type { Int64, Params, QueryResult, Row, Statement } from './types.ts'
import { encodeParams, toResult, type WireResult } from './values.ts'

type Work<R> = (tx: never) => Promise<R> | R

/** The errors after which nothing was written and the transaction can run again. */
const AGAIN = /^transaction_(busy|conflict)$/

/** Runs a function in a transaction, and again if the transaction had to yield to another one. */
export async function run<R>(
  target: TargetSource,
  format: object,
  work: Work<R>,
  { retries = 3, ...options }: TransactionOptions = {},
): Promise<R> {
  for (let attempt = 0; ; attempt++) {
    const connection = new Connection(target, format, options)
    const tx = new Scope(connection)
    try {
      const result = await work(tx as never)
      await tx.commit()
      return result
    } catch (cause) {
      // The server ends a transaction if this request doesn't arrive.
      await tx.rollback().catch(() => {})
      const { lost } = connection
      if (!lost || !AGAIN.test(lost.code) || attempt >= retries) throw cause
      await pause((lost.retryAfter ?? 0) * 1000 + Math.random() * 100 * 2 ** attempt, options.signal)
    }
  }
}

/** Returns a transaction that the caller commits or rolls back. It opens with its first statement. */
export const begin = <I extends Int64>(
  target: TargetSource,
  format: object,
  options: TransactionOptions = {},
): OpenTransaction<I> => new Scope(new Connection(target, format, options)) as OpenTransaction<Int64> as never

const fail = (code: string, message: string) => Promise.reject(new PerSQLError({ status: 0, code, message }))

/** A transaction, or a savepoint in it. */
class Scope implements OpenTransaction<Int64> {
  readonly #connection: Connection
  #state: 'open' | 'nested' | 'ended' = 'open'

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async query<T extends object = Row<Int64>>(sql: string, params: Params = []): Promise<QueryResult<T, Int64>> {
    const [result] = await this.batch<T>([{ sql, params }])
    return result as QueryResult<T, Int64>
  }

  batch<T extends object = Row<Int64>>(statements: readonly Statement[]): Promise<QueryResult<T, Int64>[]> {
    return this.#use(() => this.#connection.run<T>(statements))
  }

  async transaction<R>(run: Work<R>): Promise<R> {
    const savepoint = await this.#use(() => {
      this.#state = 'nested'
      return this.#connection.save()
    })
    const inner = new Scope(this.#connection)
    try {
      const result = await run(inner as never)
      await this.#connection.release(savepoint, false)
      return result
    } catch (cause) {
      await this.#connection.release(savepoint, true)
      throw cause
    } finally {
      inner.#state = 'ended'
      this.#state = 'open'
    }
  }

  commit(): Promise<void> {
    return this.#use(async () => {
      this.#state = 'ended'
      try {
        await this.#connection.commit()
      } catch (cause) {
        this.#state = 'open'
        throw cause
      }
    })
  }

  async rollback(): Promise<void> {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    await this.#connection.rollback()
  }

  #use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#state === 'open') return work()
    return this.#state === 'ended'
      ? fail('transaction_ended', 'This transaction has already ended.')
      : fail('transaction_nested', 'A nested transaction is running. Use its own argument, or wait until it ends.')
  }
}

/** The requests of a transaction, one after another. */
class Connection {
  /** The error with which the server ended the transaction. */
  lost: PerSQLError | undefined
  /** An error after which the state of the transaction is unknown. It can only be rolled back. */
  #broken: unknown
  readonly #source: TargetSource
  readonly #mode: TransactionOptions['mode']
  readonly #options: Partial<Call>
  /** The form of results, for each request that can have some. */
  readonly #format: object
  #target: Target | undefined
  #path: string | undefined
  #step = 0
  #last: Promise<unknown> = Promise.resolve()
  #savepointCount = 0
  /** Statements about savepoints, which are sent with the next request. */
  #pending: string[] = []

  constructor(source: TargetSource, format: object, { mode = 'write', retries: _, ...options }: TransactionOptions) {
    this.#source = source
    this.#format = format
    this.#mode = mode
    this.#options = options
  }

  run<T extends object>(statements: readonly Statement[]): Promise<QueryResult<T, Int64>[]> {
    const encoded = statements.map(({ params = [], ...rest }) => ({ ...rest, params: encodeParams(params) }))
    return this.#next(async () => {
      this.#assertUsable()
      const added = this.#pending.length
      const { data, meta } = await this.#request([...this.#pending.map((sql) => ({ sql })), ...encoded])
      this.#pending.splice(0, added)
      return (data.results as WireResult[]).slice(added).map((result) => toResult<T, Int64>(result, meta))
    })
  }

  commit(): Promise<void> {
    return this.#next(async () => {
      this.#assertUsable()
      if (!this.#path) return
      // Without statements, a commit is paid for already.
      const statements = this.#pending.map((sql) => ({ sql }))
      await this.#send('commit', statements.length > 0 ? { statements } : {})
      this.#path = undefined
    })
  }

  rollback(): Promise<void> {
    return this.#next(async () => {
      // An abort must not keep the transaction open, because writes of others wait for it.
      if (this.#path) await this.#send('rollback', {}, { signal: undefined, maxRetries: 0 })
    })
  }

  /** Returns the name of a savepoint that is created with the next statement. */
  save(): Promise<string> {
    return this.#next(async () => {
      const name = `persql_${++this.#savepointCount}`
      this.#pending.push(`SAVEPOINT ${name}`)
      return name
    })
  }

  /** Ends a savepoint with the next request. */
  release(name: string, undo: boolean): Promise<void> {
    return this.#next(async () => {
      const unsent = this.#pending.indexOf(`SAVEPOINT ${name}`)
      if (unsent >= 0) this.#pending.splice(unsent)
      else this.#pending.push(...(undo ? [`ROLLBACK TO ${name}`] : []), `RELEASE ${name}`)
    })
  }

  #assertUsable(): void {
    const { signal } = this.#options
    signal?.throwIfAborted()
    const cause = this.lost ?? this.#broken
    if (cause) throw cause
  }

  #request(statements: object[]): Promise<Answer> {
    return this.#path ? this.#runStep(statements) : this.#open(statements)
  }

  async #runStep(statements: object[]): Promise<Answer> {
    try {
      const answer = await this.#send('statements', { step: this.#step + 1, statements, ...this.#format })
      this.#step++
      return answer
    } catch (cause) {
      if (getFailed(cause)) this.#step++
      throw cause
    }
  }

  /** Opens the transaction with its first statements. If one fails, no transaction was opened. */
  async #open(statements: object[]): Promise<Answer> {
    this.#target ??= typeof this.#source === 'function' ? await this.#source() : this.#source
    const path = `${this.#target.path}transactions`
    const answer = await this.#call(
      path,
      { mode: this.#mode, statements, ...this.#format },
      { idempotencyKey: randomKey() },
    )
    this.#path = `${path}/${answer.data.id}`
    return answer
  }

  /** Sends a request that the number of a step, or the ID for an end, makes idempotent. */
  async #send(action: string, body: object, options?: Partial<Call>): Promise<Answer> {
    try {
      return await this.#call(`${this.#path}/${action}`, body, { repeatable: true, ...options })
    } catch (cause) {
      this.#pending.splice(0, getFailed(cause) - 1)
      throw cause
    }
  }

  async #call(path: string, body: object, options: Partial<Call>): Promise<Answer> {
    const transport = await (this.#target as Target).transport()
    try {
      return await transport.call({ ...this.#options, method: 'POST', path, body, ...options })
    } catch (cause) {
      if (!(cause instanceof PerSQLError) || cause.status < 400 || cause.status > 499) this.#broken = cause
      else if (cause.code.startsWith('transaction_')) this.lost = cause
      throw cause
    }
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {})
    return result
  }
}

/** Returns the number of the statement that failed. Those before it stay. Without one, the server ran none: 0. */
const getFailed = (cause: unknown): number => (cause instanceof PerSQLError && Number(cause.body.statement)) || 0
