import { now } from '../clock.ts'
import type { Audit } from './audit.ts'
import type { CreditAllocator } from './credit/credit-allocator.ts'
import type { IdentityStore } from './identity.ts'

/** The services that suspensions depend on. */
export interface SuspensionOptions {
  readonly identity: IdentityStore
  readonly lending: Pick<CreditAllocator, 'reclaimFrom'>
  readonly audit: Audit
}

/** Suspends and resumes a namespace. */
export class Suspension {
  readonly #options: SuspensionOptions

  constructor(options: SuspensionOptions) {
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

  #setSuspended(suspended: boolean, note: string): void {
    const { identity: store, audit } = this.#options
    const { suspended: _, ...identity } = store.existing
    store.change(suspended ? { ...identity, suspended } : identity)
    audit.add('operator', suspended ? 'namespace.suspended' : 'namespace.resumed', identity.slug, { note }, now())
  }
}
