import type { Database } from '@persql/contract'
import { now } from '../../clock.ts'
import type { Audit } from '../audit.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { BranchRegistry } from './branch-registry.ts'
import type { Databases } from './databases.ts'
import { type Deletions, FINISH_AFTER_MS } from './deletions.ts'

/** The parts of a namespace that its databases are created and deleted with. */
export interface DatabaseServiceOptions {
  readonly storage: DurableObjectStorage
  readonly databases: Databases
  readonly lineage: BranchRegistry
  readonly tokens: Tokens
  readonly audit: Audit
  readonly deletions: Deletions
}

/** Creates and deletes databases. Each change and its entry in the audit log are written in one step. */
export class DatabaseService {
  readonly #options: DatabaseServiceOptions

  constructor(options: DatabaseServiceOptions) {
    this.#options = options
  }

  /** @throws PerSQLError `slug_taken` */
  create(slug: string, name: string, actor: string): Database {
    const { databases, audit } = this.#options
    const nowMs = now()
    const database = databases.add(slug, name, nowMs)
    audit.add(actor, 'database.created', slug, {}, nowMs)
    return database
  }

  /**
   * Deletes a database, its branches, and the tokens that open one of them alone.
   * @throws PerSQLError `database_not_found`
   */
  async delete(slug: string, actor: string, action = 'database.deleted'): Promise<void> {
    const { storage, databases, lineage, tokens, audit, deletions } = this.#options
    const nowMs = now()
    const { id, status } = databases.get(slug)
    const ids = [id, ...lineage.branches(id).map(({ databaseId }) => databaseId)]
    storage.transactionSync(() => {
      if (status !== 'deleting') audit.add(actor, action, slug, {}, nowMs)
      for (const leaving of ids) {
        databases.markPendingDeletion(leaving)
        tokens.revoke(tokens.pinnedTo(leaving), nowMs)
      }
    })
    // If this is interrupted, the timer finishes it.
    deletions.finishAt(nowMs + FINISH_AFTER_MS)
    await deletions.finish(ids)
  }
}
