import type { RunSql } from '../../../sqlite/schema-map.ts'
import { contentKeys as replayKeys } from '../../calls/idempotency.ts'
import { type RateLimits, contentKeys as rateKeys } from '../../endpoints/rate-limits.ts'
import { contentKeys as sessionKeys } from '../../endpoints/sessions.ts'
import { type Endpoints, contentKeys as endpointKeys } from '../../endpoints/store.ts'
import { ALL, type Engine } from '../../engine/engine.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import type { ChangeFeed } from '../../events/change-feed/feed.ts'
import { contentKeys as scheduleKeys } from '../../events/schedules/store.ts'
import type { Webhooks } from '../../events/webhooks/delivery-worker.ts'
import { type WebhookStore, contentKeys as webhookKeys } from '../../events/webhooks/store.ts'
import { contentKeys as docKeys } from '../../insights/assistant/descriptions.ts'
import type { SizeTracker } from '../../metering/size/size.ts'
import type { Approvals } from '../../review/approvals/approvals.ts'
import { contentKeys as approvalKeys } from '../../review/approvals/requests.ts'
import { contentKeys as proposalKeys } from '../../review/proposals/store.ts'
import { contentKeys as savedQueryKeys } from '../../saved-queries/store.ts'
import { contentKeys as importKeys } from '../../transfer/imports.ts'
import { contentKeys as idKeys } from '../ids/ranges.ts'
import type { Seeds } from '../ids/seeds.ts'
import { deleteMergeBases } from '../merge/merge-base-rows.ts'
import { contentKeys as mergeKeys } from '../merge/merge-base-schema.ts'
import { contentKeys as migrationKeys } from '../migrations/store.ts'
import { contentKeys as schemaChangeKeys } from '../schema-changes.ts'

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

/** The services that depend on the content of a database, read at use because some are created later. */
interface ContentServices {
  readonly ownPages: SystemStorage
  readonly size: SizeTracker
  readonly endpoints: Endpoints
  readonly rateLimits: RateLimits
  readonly approvals: Approvals
  readonly feed: ChangeFeed
  readonly webhookStore: WebhookStore
  readonly webhooks: Webhooks
  readonly seeds: Seeds
  readonly engine: Engine
}

/** The content of a database: its tables and rows, and the records stored beside them. */
export class Content {
  readonly #kv: SyncKvStorage
  readonly #run: RunSql
  readonly #services: ContentServices

  constructor(storage: DurableObjectStorage, services: ContentServices) {
    this.#kv = storage.kv
    this.#run = createRunSql(storage.sql)
    this.#services = services
  }

  /** Clears the caches after a task held the exclusive lock; `changed` says whether tables and rows can differ. */
  replaced(changed: boolean): void {
    const { size, feed, webhooks } = this.#services
    this.forget()
    if (changed) size.forget()
    feed.replaced(changed)
    if (changed) webhooks.announce([{ type: 'row.change', ...ALL }])
  }

  /** Clears the caches. */
  forget(): void {
    const { endpoints, rateLimits, approvals, engine, seeds, webhookStore } = this.#services
    endpoints.forget()
    rateLimits.forget()
    approvals.rules.forget()
    engine.forget()
    seeds.forget()
    webhookStore.forget()
  }

  /** Deletes the records stored beside tables and rows. Call it in a transaction. */
  clear(): void {
    for (const prefix of KEYS) for (const [key] of [...this.#kv.list({ prefix })]) this.#kv.delete(key)
    this.#services.seeds.clear()
    this.forgetMerged()
  }

  /** Deletes the merge bases of all branches. Call it in a transaction. */
  forgetMerged(): void {
    this.#services.ownPages.around(() => deleteMergeBases(this.#kv, this.#run))
  }
}
