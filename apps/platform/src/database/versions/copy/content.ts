import { dropSchema } from '../../../sqlite/schema.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import type { StoredMigration } from '../../../sqlite/stored-migration.ts'
import { contentKeys as replayKeys } from '../../calls/idempotency.ts'
import { contentKeys as rateKeys } from '../../endpoints/rate-limits.ts'
import { contentKeys as sessionKeys } from '../../endpoints/sessions.ts'
import { contentKeys as endpointKeys } from '../../endpoints/store.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import { contentKeys as scheduleKeys } from '../../events/schedules/store.ts'
import { contentKeys as webhookKeys } from '../../events/webhooks/store.ts'
import { contentKeys as docKeys } from '../../insights/assistant/descriptions.ts'
import { contentKeys as approvalKeys } from '../../review/approvals/requests.ts'
import { contentKeys as proposalKeys } from '../../review/proposals/store.ts'
import { contentKeys as savedQueryKeys } from '../../saved-queries/store.ts'
import { contentKeys as importKeys } from '../../transfer/imports.ts'
import type { Ids } from '../ids/highest.ts'
import { contentKeys as idKeys } from '../ids/ranges.ts'
import type { Seeds } from '../ids/seeds.ts'
import { beginFork, renewRows } from '../merge/fork-state.ts'
import { deleteMergeBases } from '../merge/merge-base-rows.ts'
import { dropSchemas, MERGED, contentKeys as mergeKeys } from '../merge/merge-base-schema.ts'
import { freeLocks, readVersions } from '../migrations/bookkeeping.ts'
import type { Ledger } from '../migrations/ledger.ts'
import { contentKeys as migrationKeys } from '../migrations/store.ts'
import { contentKeys as schemaChangeKeys } from '../schema-changes.ts'
import { loadSmallCopy, type SmallCopy } from './load-copy.ts'

/** The prefixes of all storage keys that are deleted with the rows and tables of a database. */
const KEYS = [
  ...replayKeys,
  ...endpointKeys,
  ...rateKeys,
  ...sessionKeys,
  ...docKeys,
  ...proposalKeys,
  ...approvalKeys,
  ...migrationKeys,
  ...idKeys,
  ...schemaChangeKeys,
  ...mergeKeys,
  ...importKeys,
  ...webhookKeys,
  ...scheduleKeys,
  ...savedQueryKeys,
]

/** The services that own records stored beside tables and rows. */
export interface ContentOptions {
  readonly storage: DurableObjectStorage
  readonly ownPages: SystemStorage
  readonly seeds: Seeds
  readonly ledger: Ledger
}

/** The content of a database: its tables and rows, and the records stored beside them. Use it in a transaction. */
export class Content {
  readonly #options: ContentOptions
  readonly #run: RunSql

  constructor(options: ContentOptions) {
    this.#options = options
    this.#run = createRunSql(options.storage.sql)
  }

  /** Deletes the records stored beside tables and rows. */
  clear(): void {
    const { kv } = this.#options.storage
    for (const prefix of KEYS) for (const [key] of [...kv.list({ prefix })]) kv.delete(key)
    this.#options.seeds.clear()
    this.#deleteMergeBases()
  }

  /** Deletes the merge bases of all branches, because the rows can now lack merged changes. */
  clearMerges(): void {
    const { kv } = this.#options.storage
    dropSchemas(kv, MERGED)
    this.#deleteMergeBases()
    renewRows(kv)
  }

  /** Replaces all content by that of a new branch, whose IDs start above `floors`. */
  startBranch(copy: SmallCopy, floors: Ids): void {
    const { storage, ownPages, seeds } = this.#options
    const { schema, bookkeeping } = copy
    this.clear()
    dropSchema(this.#run)
    loadSmallCopy(storage.sql, copy, this.replaceMigrations(true))
    freeLocks(this.#run, bookkeeping)
    const versions = readVersions(this.#run, bookkeeping)
    ownPages.around(() => beginFork(storage.kv, schema, versions))
    seeds.plant(floors)
  }

  /**
   * Returns a function that replaces the applied migrations, page by page.
   * @param inherited whether they were applied in another database
   */
  replaceMigrations(inherited: boolean): (page: readonly StoredMigration[]) => void {
    return this.#options.ledger.replace(inherited)
  }

  #deleteMergeBases(): void {
    const { storage, ownPages } = this.#options
    ownPages.around(() => deleteMergeBases(storage.kv, this.#run))
  }
}
