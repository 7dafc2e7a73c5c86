import { now } from '../clock.ts'
import type { WelcomeDecision } from '../directory/welcome-claims.ts'
import { migrate } from '../storage/migrate.ts'
import type { Audit } from './audit.ts'
import type { RestoreReconciliation } from './credit/restore-reconciliation.ts'
import type { Identity, IdentityStore } from './identity.ts'
import type { DayClose } from './ledger/day-close.ts'
import { type Ledger, WELCOME } from './ledger/ledger.ts'
import { NAMESPACE_SCHEMA } from './schema.ts'

/** The services that the creation of a namespace depends on. */
export interface CreationOptions {
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly ledger: () => Ledger
  readonly dayClose: DayClose
  readonly audit: Audit
  readonly restored: Pick<RestoreReconciliation, 'skip'>
  readonly welcomeCreditNano: () => number
}

/** Creates a namespace in its object. */
export class Creation {
  readonly #options: CreationOptions

  constructor(options: CreationOptions) {
    this.#options = options
  }

  /** Creates the namespace with its tables, unless it exists. It gets the welcome credit by this decision. */
  ensure(slug: string, actor: string, credit: WelcomeDecision): Identity {
    return this.#options.identity.ensure(() => this.#create(slug, actor, credit, now()))
  }

  #create(slug: string, actor: string, credit: WelcomeDecision, nowMs: number): Identity {
    const { storage, welcomeCreditNano, identity, ledger, dayClose, audit, restored } = this.#options
    migrate(storage, NAMESPACE_SCHEMA)
    const id = `ns_${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`
    const creditNano = credit === 'granted' ? welcomeCreditNano() : 0
    const uncredited = credit === 'granted' ? 'disabled' : credit
    const created = identity.store({ id, slug, createdAtMs: nowMs, ...(creditNano === 0 && { uncredited }) })
    if (creditNano > 0) ledger().enter('welcome_credit', creditNano, WELCOME, {}, nowMs)
    ledger().close(nowMs)
    restored.skip()
    dayClose.setNext(nowMs)
    audit.add(actor, 'namespace.created', slug, {}, nowMs)
    return created
  }
}
