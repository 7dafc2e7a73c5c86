import { PerSQLError } from '@persql/contract'
import { countQuotaRefusal } from '../../storage/quota-exceeded.ts'
import type { IdentityStore } from '../identity.ts'
import type { DatabaseQuotas } from '../metering/quotas.ts'

/** A kind of transfer, which is also the name of its quota. */
type Kind = 'exports' | 'imports'

/** A transfer that takes a slot until it is released, or until `isRunning` returns false. */
interface Taken {
  readonly kind: Kind
  readonly isRunning: () => boolean
}

const SECONDS = 5
const WHAT: Readonly<Record<Kind, string>> = {
  exports: 'This namespace already runs as many exports as its quota "exports" allows',
  imports: 'This namespace already runs as many imports as its quota "imports" allows',
}

/** The running transfers by namespace. They end with the process, so it counts them. */
const taken = new Map<string, Map<string, Taken>>()

/** Limits the exports and imports of a namespace that run at the same time. Each stores a copy of a database. */
export class TransferSlots {
  readonly #identity: IdentityStore
  readonly #quotas: DatabaseQuotas

  constructor(identity: IdentityStore, quotas: DatabaseQuotas) {
    this.#identity = identity
    this.#quotas = quotas
  }

  /**
   * Takes a slot for a transfer.
   * @throws PerSQLError `too_busy` if the namespace has no free slot
   */
  take(kind: Kind, id: string, isRunning: () => boolean): void {
    const name = this.#name
    const ofNamespace = taken.get(name) ?? new Map<string, Taken>()
    for (const [known, transfer] of ofNamespace) if (!transfer.isRunning()) ofNamespace.delete(known)
    const limit = this.#quotas.limits[kind]
    const used = [...ofNamespace.values()].filter((transfer) => transfer.kind === kind).length
    if (used >= limit) {
      countQuotaRefusal(kind)
      const problem = `${WHAT[kind]} (${limit}).`
      throw new PerSQLError('too_busy', { problem, seconds: SECONDS }, { extra: { quota: kind, limit, used } })
    }
    ofNamespace.set(id, { kind, isRunning })
    taken.set(name, ofNamespace)
  }

  release(id: string): void {
    const name = this.#name
    const ofNamespace = taken.get(name)
    ofNamespace?.delete(id)
    if (ofNamespace?.size === 0) taken.delete(name)
  }

  /** Empty after the database was deleted: its transfers have ended. */
  get #name(): string {
    return this.#identity.current?.namespace ?? ''
  }
}
