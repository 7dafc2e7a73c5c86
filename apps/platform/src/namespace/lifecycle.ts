import { now } from '../clock.ts'
import type { Audit } from './audit.ts'
import type { CreditAllocator } from './credit/credit-allocator.ts'
import type { Databases } from './databases/databases.ts'
import { type Deletions, FINISH_AFTER_MS } from './databases/deletions.ts'
import type { IdentityStore } from './identity.ts'
import type { Members } from './members/members.ts'

/** The services that the lifecycle depends on. */
export interface LifecycleOptions {
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly databases: Databases
  readonly members: Members
  readonly lending: Pick<CreditAllocator, 'reclaimFrom'>
  readonly deletions: Deletions
  readonly audit: Audit
  /** Removes the slug from the Directory. */
  readonly forget: (slug: string) => Promise<void>
}

/** Suspends, resumes and deletes a namespace. */
export class Lifecycle {
  readonly #options: LifecycleOptions

  constructor(options: LifecycleOptions) {
    this.#options = options
  }

  /** Suspends the namespace. As soon as it returns, all calls are refused except billing. Data is unchanged. */
  async suspend(note: string): Promise<void> {
    this.#setSuspended(true, note)
    await this.#options.lending.reclaimFrom()
  }

  resume(note: string): void {
    this.#setSuspended(false, note)
  }

  /** Deletes the namespace. As soon as it returns, all calls are refused. Ledger and audit log are kept. */
  async delete(actor: string): Promise<void> {
    const { storage, identity, databases, members, deletions, audit } = this.#options
    const { slug } = identity.existing
    const nowMs = now()
    storage.transactionSync(() => {
      identity.change({ ...identity.existing, deletedAtMs: nowMs })
      for (const { id } of databases.list()) databases.markPendingDeletion(id)
      members.clear()
      audit.add(actor, 'namespace.deleted', slug, {}, nowMs)
      deletions.finishAt(nowMs + FINISH_AFTER_MS)
    })
    await this.finishDeletions()
  }

  /** Finishes the deletion of databases, and of the namespace if it was deleted. */
  async finishDeletions(): Promise<void> {
    const { identity, deletions, forget } = this.#options
    await deletions.finishAll()
    const { slug, deletedAtMs } = identity.existing
    if (deletedAtMs) await forget(slug)
  }

  #setSuspended(suspended: boolean, note: string): void {
    const { identity: store, audit } = this.#options
    const { suspended: _, ...identity } = store.existing
    store.change(suspended ? { ...identity, suspended } : identity)
    audit.add('operator', suspended ? 'namespace.suspended' : 'namespace.resumed', identity.slug, { note }, now())
  }
}
