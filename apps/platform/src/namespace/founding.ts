import { PerSQLError } from '@persql/contract'
import { now } from '../clock.ts'
import type { WelcomeDecision } from '../directory/welcome-claims.ts'
import type { Audit } from './audit.ts'
import type { Creation } from './creation.ts'
import type { DatabaseService } from './databases/database-service.ts'
import type { IdentityStore } from './identity.ts'
import type { Members } from './members/members.ts'
import type { Admission, MemberAccess } from './tokens/admission.ts'

/** The services that the first owner of a namespace depends on. */
export interface FoundingOptions {
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly creation: Creation
  readonly databaseService: DatabaseService
  readonly members: Members
  readonly admission: Admission
  readonly audit: Audit
}

/** Gives a namespace its first owner. */
export class Founding {
  readonly #options: FoundingOptions

  constructor(options: FoundingOptions) {
    this.#options = options
  }

  /**
   * Creates the namespace for its first owner. The same owner can repeat an interrupted call.
   * @throws PerSQLError `slug_taken`
   */
  found(slug: string, userId: string, credit: WelcomeDecision, database?: string): MemberAccess {
    const { storage, identity, creation, databaseService, members, admission } = this.#options
    if (identity.known && members.find(userId)?.role !== 'owner') throw new PerSQLError('slug_taken', { slug })
    return storage.transactionSync(() => {
      creation.ensure(slug, `user:${userId}`, credit)
      members.put(userId, 'owner', now())
      if (database) databaseService.ensure(database, `user:${userId}`)
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
}
