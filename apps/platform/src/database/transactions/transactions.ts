import { PerSQLError } from '@persql/contract'
import { type Grant, getActor } from '../calls/call.ts'
import type { Memory } from '../calls/exclusive-access.ts'
import { TTL_MS } from '../calls/idempotency.ts'
import type { TransactionMode } from './control.ts'
import type { TransactionHold } from './hold.ts'
import { CONTINUED_MS, OpenTransaction, TOTAL_MS } from './open-transaction.ts'

/** The longest between two calls of a transaction. */
export const IDLE_MS = 5_000
const MAX_OPEN = 100
const MAX_OPEN_OF_TOKEN = 20
/** The most bytes that the writes of all open transactions have. */
const MAX_BYTES = 32 * 1024 * 1024
/** The number of ended transactions whose reason is remembered. */
const MAX_ENDED = 1_000

/** Why a transaction ended without a COMMIT. */
export type EndReason = 'idle' | 'total' | 'held' | 'conflict' | 'revoked' | 'replaced' | 'deleted'

const REASONS: Readonly<Record<EndReason | 'unknown' | 'forgotten', string>> = {
  idle: `it was idle for ${IDLE_MS / 1000} s`,
  total: `it was open for ${TOTAL_MS / 1000} s`,
  held: `it held the database for ${CONTINUED_MS / 1000} s, and other calls waited`,
  conflict: 'the database changed after it was read',
  revoked: 'its token was revoked',
  replaced: 'the tables of the database were replaced',
  deleted: 'its database was deleted',
  unknown: 'it was rolled back, or the database restarted',
  forgotten: 'it was opened more than 24 hours ago',
}

/** The advice for reasons after which the same transaction can't simply run again. */
const ADVICE: Readonly<Partial<Record<keyof typeof REASONS, string>>> = {
  deleted: 'Nothing was written.',
  forgotten: 'Check whether it was committed before you run it again.',
}

/** The services that open transactions use. */
export interface TransactionsOptions {
  readonly hold: TransactionHold
  readonly now: () => number
  /** Reserves the fee of one more COMMIT. @throws PerSQLError `insufficient_balance` */
  readonly reserveFee: () => void
  readonly releaseFee: () => void
  /** Records the bytes of all open transactions. Returns whether they fit into the memory of the process. */
  readonly keep: (bytes: number) => boolean
}

/** The open transactions of a database, in memory. */
export class Transactions implements Memory {
  readonly #options: TransactionsOptions
  readonly #open = new Map<string, OpenTransaction>()
  readonly #ended = new Map<string, EndReason>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: TransactionsOptions) {
    this.#options = options
  }

  /** Whether writes have to wait for a transaction. */
  get areBlocking(): boolean {
    return this.#options.hold.blocks
  }

  /**
   * Opens a transaction. Every call of it ends with `used` or `end`.
   * @param id the ID that it had when its call had to wait. If it is still open, the same call opened it before it was repeated.
   * @throws PerSQLError `too_busy` or `insufficient_balance`
   */
  open(grant: Grant, mode: TransactionMode, id = newId(this.#options.now()), isSavepoint = false): OpenTransaction {
    const { now, reserveFee } = this.#options
    const known = this.#open.get(id)
    if (known) return known
    this.sweep()
    this.#assertRoom(grant)
    reserveFee()
    const { tokenId, secretId = tokenId } = grant
    const transaction = new OpenTransaction({ id, tokenId, secretKey: secretId, mode, openedMs: now(), isSavepoint })
    this.#open.set(id, transaction)
    this.#tick()
    return transaction
  }

  /**
   * Returns an open transaction of this caller.
   * @throws PerSQLError `transaction_expired`, or `transaction_not_found` if another token opened it
   */
  find(id: string, { tokenId }: Pick<Grant, 'tokenId'>): OpenTransaction {
    this.sweep()
    const transaction = this.#open.get(id)
    if (!transaction) throw this.#toExpired(id)
    if (transaction.tokenId !== tokenId) throw new PerSQLError('transaction_not_found', { id })
    transaction.usedMs = this.#options.now()
    return transaction
  }

  /** Returns an open transaction of any caller. */
  get(id: string): OpenTransaction | undefined {
    return this.#open.get(id)
  }

  /** Returns whether a transaction is open. */
  isOpen(id: string): boolean {
    this.sweep()
    return this.#open.has(id)
  }

  /** Returns whether this caller has an open transaction of this ID. */
  has(id: string, tokenId: string): boolean {
    return this.#open.get(id)?.tokenId === tokenId
  }

  /** Records the end of a call. @throws PerSQLError `transaction_too_long` if all transactions together are too large */
  used(transaction: OpenTransaction): void {
    transaction.usedMs = this.#options.now()
    if (this.#keepAll()) return
    this.end(transaction)
    const problem =
      'was rolled back, because the open transactions of this database, namespace or server together need too much memory'
    const instead = 'Run its statements as a batch in one transaction, or try again later.'
    throw new PerSQLError('transaction_too_long', { problem, instead })
  }

  /** Ends a transaction: after COMMIT or ROLLBACK, or for a reason that later calls learn. */
  end({ id }: Pick<OpenTransaction, 'id'>, reason?: EndReason): void {
    const { hold, releaseFee } = this.#options
    const { inside } = this.#open.get(id) ?? {}
    if (inside?.isRunning) {
      // It is rolled back after the current call, and then ends.
      inside.isAbandoned = true
      return
    }
    if (!this.#open.delete(id)) return
    releaseFee()
    hold.release(id)
    this.#keepAll()
    if (reason === undefined) return
    if (this.#ended.size >= MAX_ENDED) this.#ended.delete(this.#ended.keys().next().value as string)
    this.#ended.set(id, reason)
  }

  /** Waits until a writer, or this transaction, can write. @throws PerSQLError `transaction_busy` */
  waitToWrite(id?: string): Promise<void> {
    this.sweep()
    return this.#options.hold.wait(id)
  }

  /** Ends the hold that a repeated call got for a transaction that it didn't open. */
  releaseUnused(id: string): void {
    if (!this.#open.has(id)) this.#options.hold.release(id)
  }

  /** Ends the transactions that these secrets, tokens or grants opened. */
  revoke(keys: readonly string[]): void {
    if (this.#open.size === 0) return
    for (const transaction of this.#open.values()) {
      const { secretKey, tokenId } = transaction
      if (keys.includes(secretKey) || keys.includes(tokenId)) this.end(transaction, 'revoked')
    }
  }

  /** Ends all transactions, after the tables were replaced or deleted. */
  forget(): void {
    for (const transaction of this.#open.values()) this.end(transaction, 'replaced')
  }

  /** Ends the transactions whose time is over. The mailbox ends a continued one, and no other call runs before that. */
  sweep(): void {
    const open = [...this.#open.values()]
    if (open.length === 0 || open.some(({ isContinued }) => isContinued)) return
    const nowMs = this.#options.now()
    for (const transaction of open) {
      if (nowMs >= transaction.openedMs + TOTAL_MS) this.end(transaction, 'total')
      else if (this.#isIdle(transaction, nowMs)) this.end(transaction, 'idle')
    }
  }

  /** Records the memory of the open transactions. Returns whether it fits. */
  #keepAll(): boolean {
    let bytes = 0
    for (const { bytes: more } of this.#open.values()) bytes += more
    return this.#options.keep(bytes) && bytes <= MAX_BYTES
  }

  #isIdle({ id, usedMs, isReading }: OpenTransaction, nowMs: number): boolean {
    const { hold } = this.#options
    return !isReading && nowMs >= usedMs + IDLE_MS && (hold.isHeldBy(id) || !hold.concerns(id))
  }

  #assertRoom(grant: Grant): void {
    const open = [...this.#open.values()]
    const ofToken = open.filter(({ tokenId }) => tokenId === grant.tokenId).length
    const tooMany = (problem: string) => new PerSQLError('too_busy', { problem, seconds: 1 })
    if (ofToken >= MAX_OPEN_OF_TOKEN) {
      throw tooMany(`"${getActor(grant)}" already has ${MAX_OPEN_OF_TOKEN} open transactions in this database.`)
    }
    if (open.length >= MAX_OPEN) throw tooMany(`This database already has ${MAX_OPEN} open transactions.`)
  }

  /** @throws PerSQLError `transaction_expired` if nothing is known any more about a transaction of this ID */
  assertRemembered(id: string): void {
    if (this.#isForgotten(id)) throw this.#toExpired(id)
  }

  #isForgotten(id: string): boolean {
    return this.#options.now() >= readOpenedMs(id) + TTL_MS
  }

  #toExpired(id: string): PerSQLError {
    const reason = this.#isForgotten(id) ? 'forgotten' : (this.#ended.get(id) ?? 'unknown')
    const instead = ADVICE[reason] ?? 'Nothing was written. Run it again.'
    return new PerSQLError('transaction_expired', { id, reason: REASONS[reason], instead }, { extra: { reason } })
  }

  /** Ends transactions in time although no call of them arrives. */
  #tick(): void {
    if (this.#timer !== undefined || this.#open.size === 0) return
    const nowMs = this.#options.now()
    const due = [...this.#open.values()].map(({ openedMs, usedMs }) => Math.min(openedMs + TOTAL_MS, usedMs + IDLE_MS))
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        this.sweep()
        this.#tick()
      },
      Math.max(50, Math.min(...due) - nowMs),
    )
  }
}

/** The digits of the time in an ID. */
const TIME_DIGITS = 12

/** Creates an ID that starts with the time, because the database only knows for `TTL_MS` whether a transaction was committed. */
const newId = (openedMs: number): string => {
  const time = openedMs.toString(16).padStart(TIME_DIGITS, '0')
  return `txn_${time}${crypto.randomUUID().replaceAll('-', '').slice(TIME_DIGITS)}`
}

/** Returns when a transaction was opened, or a time that never comes if the ID isn't one of PerSQL. */
function readOpenedMs(id: string): number {
  const time = /^txn_([0-9a-f]{12})[0-9a-f]{20}$/.exec(id)?.[1]
  return time === undefined ? Number.POSITIVE_INFINITY : Number.parseInt(time, 16)
}
