import { RpcTarget } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import { usd } from '../../money.ts'
import type { Serves } from '../../remote.ts'
import type { IdentityStore } from '../identity.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Members } from '../members/members.ts'
import type { TokenUsers } from '../tokens/token-users.ts'
import type { Bookings } from './bookings.ts'
import { balance } from './credit-account.ts'
import type { CreditAllocator } from './credit-allocator.ts'
import type { Transfer, TransferRecords } from './transfer-records.ts'

/** An amount on its way to this namespace. */
export interface IncomingTransfer {
  readonly id: string
  readonly from: string
  readonly userId: string
  readonly amountNano: number
}

/** The calls that the sender makes to the namespace that receives the amount. */
export interface TransferRecipient {
  assertReceives(userId: string, slug: string): Promise<void>
  receive(transfer: IncomingTransfer): Promise<boolean>
}

/** The services that transfers depend on. */
export interface TransfersOptions {
  readonly identity: IdentityStore
  readonly members: Members
  readonly tokenUsers: TokenUsers
  readonly ledger: () => Ledger
  readonly lending: Pick<CreditAllocator, 'free' | 'freeNano'>
  readonly bookings: Bookings
  readonly records: TransferRecords
  /** Returns whether a namespace exists. Its object can be called only then. */
  readonly exists: (slug: string) => Promise<boolean>
  readonly recipient: (slug: string) => TransferRecipient
  /** Schedules a call of `finishAll`. */
  readonly finishAt: (atMs: number) => void
}

/** A request to move an amount. */
export interface TransferRequest {
  readonly to: string
  readonly amountNano: number
  readonly key: string | null
  readonly actor: string
}

/** A transfer with the balance of its sender. */
export interface TransferResult extends Pick<Transfer, 'id' | 'to' | 'amountNano' | 'status'> {
  readonly balanceNano: number
}

const FINISH_AFTER_MS = 5_000

/**
 * Moves balance between namespaces of one owner. The sender debits itself and records the transfer in one transaction,
 * then the recipient credits it once per ID. A timer repeats the second step until it succeeds.
 */
export class Transfers extends RpcTarget implements Serves<TransferRecipient> {
  readonly #options: TransfersOptions

  constructor(options: TransfersOptions) {
    super()
    this.#options = options
  }

  /**
   * Moves an amount to another namespace, once per key.
   * @throws PerSQLError `invalid_input`, `namespace_not_found`, `role_insufficient`, `owner_required`,
   * `namespace_suspended`, `not_transferable` or `idempotency_mismatch`
   */
  async send(request: TransferRequest): Promise<TransferResult> {
    const { records } = this.#options
    const { id } = this.#findRepeated(request) ?? (await this.#start(request))
    await this.#finish(id).catch((cause: unknown) => {
      // The timer tries again.
      console.error(JSON.stringify({ level: 'warn', event: 'transfer_delayed', transfer: id, cause: String(cause) }))
    })
    const { to, amountNano, status } = records.get(id) as Transfer
    return { id, to, amountNano, status, balanceNano: balance(this.#options.ledger().account) }
  }

  /**
   * Checks whether a user can move balance to this namespace.
   * @throws PerSQLError `namespace_not_found` for people who aren't members, `role_insufficient`, `namespace_suspended`
   */
  assertReceives(userId: string, slug: string): void {
    const { identity, members } = this.#options
    const member = identity.known && !identity.known.deletedAtMs ? members.find(userId) : undefined
    if (!member) throw new PerSQLError('namespace_not_found', { namespace: slug })
    if (member.role !== 'owner') {
      const action = `receive balance in "${slug}", which requires the role "owner"`
      throw new PerSQLError('role_insufficient', { role: member.role, action })
    }
    if (identity.known?.suspended) throw new PerSQLError('namespace_suspended')
  }

  /**
   * Credits a transfer once. Returns `false` if the namespace was deleted first. It then never accepts the transfer, so
   * the sender can take the amount back.
   */
  async receive({ id, from, userId, amountNano }: IncomingTransfer): Promise<boolean> {
    const { identity, ledger, bookings } = this.#options
    const ref = `transfer:${id}`
    if (!identity.known || (identity.known.deletedAtMs && !ledger().has(ref))) return false
    await bookings.book(() => bookings.enter('transfer', amountNano, ref, { from }, `user:${userId}`))
    return true
  }

  /** Finishes all pending transfers. Throws if one is still pending. */
  async finishAll(): Promise<void> {
    const finished = await Promise.allSettled(this.#options.records.pending().map(({ id }) => this.#finish(id)))
    const failed = finished.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  }

  /** Returns the transfer of a key that was used before. @throws PerSQLError `idempotency_mismatch` */
  #findRepeated({ to, amountNano, key }: TransferRequest): Transfer | undefined {
    const known = key === null ? undefined : this.#options.records.byKey(key)
    if (known && (known.to !== to || known.amountNano !== amountNano)) {
      throw new PerSQLError('idempotency_mismatch', { header: 'Idempotency-Key' })
    }
    return known
  }

  async #start(request: TransferRequest): Promise<Transfer> {
    const { identity, lending, exists, recipient } = this.#options
    const { to, amountNano, actor } = request
    if (to === identity.existing.slug) {
      throw new PerSQLError('invalid_input', { problem: '"to" must be another namespace.' })
    }
    const userId = this.#assertSends(actor)
    if (!(await exists(to))) throw new PerSQLError('namespace_not_found', { namespace: to })
    await recipient(to).assertReceives(userId, to)
    await lending.free(amountNano)
    // Anything can have changed during the calls.
    return this.#findRepeated(request) ?? this.#debit(request, this.#assertSends(actor))
  }

  /** Debits the amount, unless databases could spend it. Nothing else runs between the check and the entry. */
  #debit({ to, amountNano, key, actor }: TransferRequest, userId: string): Transfer {
    const { ledger, lending, bookings, records, finishAt } = this.#options
    const availableNano = Math.max(0, Math.min(lending.freeNano(), ledger().paidNano()))
    if (amountNano > availableNano) {
      const available = `$${usd(availableNano)
        .toFixed(9)
        .replace(/\.?0+$/, '')}`
      throw new PerSQLError('not_transferable', { available }, { extra: { availableUsd: usd(availableNano) } })
    }
    return bookings.write(() => {
      const transfer = records.add(key, to, userId, amountNano)
      bookings.enter('transfer', -amountNano, `transfer:${transfer.id}`, { to }, actor)
      finishAt(now() + FINISH_AFTER_MS)
      return transfer
    })
  }

  async #finish(id: string): Promise<void> {
    const { identity, bookings, records, recipient } = this.#options
    const transfer = records.get(id)
    if (transfer?.status !== 'pending') return
    const { to, userId, amountNano } = transfer
    const isReceived = await recipient(to).receive({ id, from: identity.existing.slug, userId, amountNano })
    await bookings.book(() => {
      if (!records.end(id, isReceived ? 'completed' : 'returned') || isReceived) return
      bookings.enter('transfer', amountNano, `transfer:${id}:returned`, { to, returned: true }, 'system')
    })
  }

  /** Returns the owner who moves balance. @throws PerSQLError `owner_required`, `namespace_suspended` */
  #assertSends(actor: string): string {
    const { identity, members, tokenUsers } = this.#options
    const userId = tokenUsers.find(actor)
    if (userId === undefined || members.find(userId)?.role !== 'owner') throw new PerSQLError('owner_required')
    if (identity.existing.suspended || identity.existing.deletedAtMs) throw new PerSQLError('namespace_suspended')
    return userId
  }
}
