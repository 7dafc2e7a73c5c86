import { type Api, type Output, PerSQLError } from '@persql/contract'
import { derive } from '../authority.ts'
import { now } from '../clock.ts'
import { migrate } from '../storage/migrate.ts'
import type { Audit } from './audit.ts'
import type { DatabaseService } from './databases/database-service.ts'
import type { Databases } from './databases/databases.ts'
import type { Identity, IdentityStore } from './identity.ts'
import type { DayClose } from './ledger/day-close.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { Members } from './members/members.ts'
import { NAMESPACE_SCHEMA } from './schema.ts'
import type { Admission, MemberAccess } from './tokens/admission.ts'
import type { Secret, Tokens } from './tokens/tokens.ts'

/** The services that the creation of a namespace depends on. */
export interface FoundingOptions {
  readonly storage: DurableObjectStorage
  readonly welcomeCreditNano: () => number
  readonly identity: IdentityStore
  readonly ledger: () => Ledger
  readonly dayClose: DayClose
  readonly databases: Databases
  readonly databaseService: DatabaseService
  readonly tokens: Tokens
  readonly members: Members
  readonly admission: Admission
  readonly audit: Audit
}

/** Creates a namespace, for the operator or for its first owner. */
export class Founding {
  readonly #options: FoundingOptions

  constructor(options: FoundingOptions) {
    this.#options = options
  }

  /**
   * Creates the namespace with its welcome credit, and the database, unless they exist. Always creates an admin token.
   */
  ensure(slug: string, database: string, tokenName: string, secret: Secret): Output<Api['create_namespace']> {
    const { identity, databases, tokens, audit } = this.#options
    const nowMs = now()
    const created = identity.known === undefined
    const { id } = identity.ensure(() => this.#create(slug, 'operator', nowMs))
    if (!databases.has(database)) databases.add(database, database, nowMs)
    const authority = derive(null, { role: 'admin' })
    const token = tokens.add(secret, { name: tokenName, ...authority, mintedBy: null }, nowMs)
    audit.add('operator', 'token.created', token.id, { name: tokenName, role: 'admin' }, nowMs)
    return { namespace: { id, slug }, database: { slug: database }, token, created }
  }

  /**
   * Creates the namespace for its first owner. The same owner can repeat an interrupted call.
   * @throws PerSQLError `slug_taken`
   */
  found(slug: string, userId: string, database?: string): MemberAccess {
    const { storage, identity, databases, databaseService, members, admission } = this.#options
    const nowMs = now()
    if (identity.known && members.find(userId)?.role !== 'owner') throw new PerSQLError('slug_taken', { slug })
    return storage.transactionSync(() => {
      identity.ensure(() => this.#create(slug, `user:${userId}`, nowMs))
      members.put(userId, 'owner', nowMs)
      if (database && !databases.has(database)) databaseService.create(database, database, `user:${userId}`)
      return admission.access(userId)
    })
  }

  /** Makes a user the owner of a namespace that the operator created and that has no members. */
  adopt(userId: string): void {
    const { identity, members, audit } = this.#options
    if (!identity.known || members.list().length > 0) return
    members.put(userId, 'owner', now())
    audit.add('system', 'member.added', userId, { role: 'owner' }, now())
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
