import { RpcTarget } from 'cloudflare:workers'
import {
  addContinued,
  type CallArguments,
  type Continued,
  type ContinuedTransaction,
  removeContinued,
} from '../../continued.ts'
import { tooManyContinued } from '../../database-calls.ts'
import type { Env } from '../../env.ts'
import { databaseAt } from '../../remote.ts'
import type { CallAnswer } from '../../reply.ts'
import { splitAddress } from '../calls/call-address.ts'
import { CONTINUED_MS, TOTAL_MS } from './open-transaction.ts'
import { type EndReason, IDLE_MS } from './transactions.ts'

/** The next call of a continued transaction, or the reason for its end. */
export type NextCall = { readonly call: CallArguments; readonly reason?: undefined } | { readonly reason: EndReason }

/** Hands over the calls of a continued transaction, one after another. */
export interface CallSource {
  /**
   * Waits for the next call.
   * @param answer the answer to the last call
   * @param streamId the stream of the libSQL protocol that has the transaction open
   */
  next(answer: CallAnswer, streamId: string | undefined): Promise<NextCall>
}

/** The call of a database that runs a transaction alone. It returns the answer to the last call, if that has none yet. */
export interface ContinuationCalls {
  continueTransaction(id: string, first: CallArguments, source: CallSource): Promise<CallAnswer | undefined>
}

/** A call that waits for its answer; `undefined` says that the database has to be asked. */
interface Pending {
  readonly call: CallArguments
  readonly resolve: (answer: CallAnswer | undefined) => void
  readonly reject: (cause: unknown) => void
}

const AWAITED_POLL_MS = 100
/** The most calls of one transaction that wait for each other. */
const MAX_PENDING = 20

/**
 * Receives the calls of a continued transaction while its database runs nothing else. It is in an object of its own, of which a
 * database has one. The database calls it back, so that each of them notices the end of the other.
 */
export class Mailbox extends RpcTarget {
  readonly #env: Env
  #running: Running | undefined

  constructor(env: Env) {
    super()
    this.#env = env
  }

  /** Continues a transaction with this call. Returns `undefined` if the database has to be asked again. */
  async begin(transaction: ContinuedTransaction, call: CallArguments): Promise<CallAnswer | undefined> {
    // Only the transaction that holds the database gets here, so an earlier one is about to end.
    while (this.#running) await this.#running.ended
    const [database] = splitAddress(call[1])
    const entry = addContinued(database, transaction)
    if (!entry) return tooManyContinued()
    const running = new Running(database, entry, this.#env.PERSQL_RUNTIME === 'cloudflare')
    this.#running = running
    const answered = running.add(call)
    void this.#run(running)
    return answered
  }

  /** Runs a call in the transaction. Returns `undefined` if it isn't continued. */
  async call(call: CallArguments): Promise<CallAnswer | undefined> {
    return this.#running?.includes(call) ? this.#running.add(call) : undefined
  }

  /** Ends the transaction if one of these keys, which are revoked, opened it. Without keys, its database is deleted. */
  async end(keys: readonly string[] | undefined): Promise<void> {
    if (keys) this.#running?.revoke(keys)
    else this.#running?.stop('deleted')
  }

  async #run(running: Running): Promise<void> {
    const [namespace, slug] = running.database.split('/') as [string, string]
    const database = databaseAt<ContinuationCalls>(this.#env, namespace, slug)
    try {
      const { transactionId } = running.entry
      running.close(await database.continueTransaction(transactionId, running.takeFirst(), new Source(running)))
    } catch (cause) {
      running.fail(cause)
    } finally {
      this.#running = undefined
      running.end()
    }
  }
}

/** The part of a continued transaction that its database reaches. */
class Source extends RpcTarget implements CallSource {
  readonly #running: Running

  constructor(running: Running) {
    super()
    this.#running = running
  }

  next(answer: CallAnswer, streamId: string | undefined): Promise<NextCall> {
    return this.#running.next(answer, streamId)
  }
}

/** A continued transaction with its calls. */
class Running {
  readonly database: string
  readonly entry: Continued
  /** Whether the callers of its database are in other processes too, so that some always may wait. */
  readonly #isAwaited: boolean
  /** Resolves when it has ended. */
  readonly ended: Promise<void>
  end = () => {}
  #current: Pending | undefined
  readonly #pending: Pending[] = []
  #reason: EndReason | undefined
  readonly #startedMs = Date.now()
  #wake: (() => void) | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(database: string, entry: Continued, isAwaited: boolean) {
    this.database = database
    this.entry = entry
    this.#isAwaited = isAwaited
    this.ended = new Promise((resolve) => {
      this.end = () => {
        clearTimeout(this.#timer)
        removeContinued(database, entry)
        resolve()
      }
    })
  }

  includes([, address, , body]: CallArguments): boolean {
    const id = splitAddress(address)[3]
    const { transactionId, streamId } = this.entry
    if (id !== undefined) return id === transactionId
    return streamId !== undefined && body.includes(`"${streamId}.`)
  }

  add(call: CallArguments): Promise<CallAnswer | undefined> {
    if (this.#pending.length >= MAX_PENDING) return Promise.resolve(tooManyContinued())
    return new Promise((resolve, reject) => {
      this.#pending.push({ call, resolve, reject })
      this.#wake?.()
    })
  }

  /** Returns the call that the database runs first. */
  takeFirst(): CallArguments {
    this.#current = this.#pending.shift() as Pending
    return this.#current.call
  }

  /** Passes the answer to the last call on, and waits for the next call. */
  async next(answer: CallAnswer, streamId: string | undefined): Promise<NextCall> {
    // Its time begins when the database has run the first call.
    if (this.#timer === undefined) this.entry.isAwaited = false
    this.#timer ??= setTimeout(() => this.#stopIfAwaited(), CONTINUED_MS)
    this.entry.streamId = streamId
    this.#current?.resolve(answer)
    this.#current = undefined
    const idle = setTimeout(() => this.stop('idle'), IDLE_MS)
    while (this.#reason === undefined && this.#pending.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    clearTimeout(idle)
    if (this.#reason !== undefined) return { reason: this.#reason }
    return { call: this.takeFirst() }
  }

  /** Rolls the transaction back as soon as its running call has its answer. */
  stop(reason: EndReason): void {
    this.#reason ??= reason
    this.#wake?.()
  }

  revoke(keys: readonly string[]): void {
    if (this.entry.keys.some((key) => keys.includes(key))) this.stop('revoked')
  }

  /** Answers the last call. The database answers the others. */
  close(answer: CallAnswer | undefined): void {
    this.#current?.resolve(answer)
    for (const { resolve } of this.#pending) resolve(undefined)
  }

  /** The database ended, so the outcome of the running call is unknown. */
  fail(cause: unknown): void {
    this.#current?.reject(cause)
    for (const { resolve } of this.#pending) resolve(undefined)
  }

  #stopIfAwaited(): void {
    if (Date.now() - this.#startedMs >= TOTAL_MS) this.stop('total')
    else if (this.#isAwaited || this.entry.isAwaited) this.stop('held')
    else this.#timer = setTimeout(() => this.#stopIfAwaited(), AWAITED_POLL_MS)
  }
}
