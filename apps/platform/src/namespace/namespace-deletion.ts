import { now } from '../clock.ts'
import type { Audit } from './audit.ts'
import type { DatabaseService } from './databases/database-service.ts'
import type { Databases } from './databases/databases.ts'
import { type Deletions, FINISH_AFTER_MS } from './databases/deletions.ts'
import type { IdentityStore } from './identity.ts'
import type { Members } from './members/members.ts'

/** The services that the deletion of a namespace depends on. */
export interface NamespaceDeletionOptions {
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly databases: Databases
  readonly databaseService: Pick<DatabaseService, 'assertDeletable'>
  readonly members: Members
  readonly deletions: Deletions
  readonly audit: Audit
  /** Removes the slug from the Directory. */
  readonly forget: (slug: string) => Promise<void>
}

/** Deletes a namespace. */
export class NamespaceDeletion {
  readonly #options: NamespaceDeletionOptions

  constructor(options: NamespaceDeletionOptions) {
    this.#options = options
  }

  /**
   * Deletes the namespace. As soon as it returns, all calls are refused. Ledger and audit log are kept.
   * @throws PerSQLError `delete_protected` if a database is protected
   */
  async delete(actor: string): Promise<void> {
    const { storage, identity, databases, databaseService, members, deletions, audit } = this.#options
    databaseService.assertDeletable()
    const { slug } = identity.existing
    const nowMs = now()
    storage.transactionSync(() => {
      identity.change({ ...identity.existing, deletedAtMs: nowMs })
      for (const { id } of databases.listHealthy()) databases.markPendingDeletion(id)
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
}
