import { now } from '../clock.ts'
import { migrate } from '../storage/migrate.ts'
import type { Audit } from './audit.ts'
import type { Identity, IdentityStore } from './identity.ts'
import type { DayClose } from './ledger/day-close.ts'
import type { Ledger } from './ledger/ledger.ts'
import { NAMESPACE_SCHEMA } from './schema.ts'

/** The services that the creation of a namespace depends on. */
export interface CreationOptions {
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly ledger: () => Ledger
  readonly dayClose: DayClose
  readonly audit: Audit
  readonly welcomeCreditNano: () => number
}

/** Creates a namespace in its object. */
export class Creation {
  readonly #options: CreationOptions

  constructor(options: CreationOptions) {
    this.#options = options
  }

  /** Creates the namespace with its tables and its welcome credit, unless it exists. */
  ensure(slug: string, actor: string): Identity {
    return this.#options.identity.ensure(() => this.#create(slug, actor, now()))
  }

  #create(slug: string, actor: string, nowMs: number): Identity {
    const { storage, welcomeCreditNano, identity, ledger, dayClose, audit } = this.#options
    migrate(storage, NAMESPACE_SCHEMA)
    const id = `ns_${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`
    const created = identity.store({ id, slug, createdAtMs: nowMs })
    const creditNano = welcomeCreditNano()
    if (creditNano > 0) ledger().enter('welcome_credit', creditNano, 'welcome', {}, nowMs)
    ledger().close(nowMs)
    dayClose.setNext(nowMs)
    audit.add(actor, 'namespace.created', slug, {}, nowMs)
    return created
  }
}
