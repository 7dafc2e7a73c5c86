import type { Database } from '@persql/contract'
import { now } from '../../clock.ts'
import type { Audit } from '../audit.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { BranchRegistry } from './branch-registry.ts'
import type { Databases } from './databases.ts'
import { type Deletions, FINISH_AFTER_MS } from './deletions.ts'

/** The services that the creation and deletion of databases depend on. */
export interface DatabaseServiceOptions {
  readonly storage: DurableObjectStorage
  readonly databases: Databases
  readonly lineage: BranchRegistry
  readonly tokens: Tokens
  readonly audit: Audit
  readonly deletions: Deletions
}

/** Creates and deletes databases. Each change and its audit event are written in one transaction. */
export class DatabaseService {
  readonly #options: DatabaseServiceOptions

  constructor(options: DatabaseServiceOptions) {
    this.#options = options
  }

  /** @throws PerSQLError `slug_taken`, `database_deleting`, `too_many_databases` or `storage_full` */
  create(slug: string, name: string, actor: string): Database {
    const { databases, audit } = this.#options
    const nowMs = now()
    const database = databases.add(slug, name, nowMs)
    audit.add(actor, 'database.created', slug, {}, nowMs)
    return database
  }

  /** Creates a database, named like its slug, unless it exists. */
  ensure(slug: string, actor: string): void {
    if (!this.#options.databases.has(slug)) this.create(slug, slug, actor)
  }

  /**
   * Deletes a database, its branches, and the tokens that are limited to one of them.
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
    // The timer finishes an interrupted deletion.
    deletions.finishAt(nowMs + FINISH_AFTER_MS)
    await deletions.finish(ids)
  }
}
