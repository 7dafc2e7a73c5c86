import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import { actorOf } from '../calls/call.ts'
import type { ChangeFeed } from '../events/change-feed/feed.ts'
import type { WebhookStore } from '../events/webhooks/store.ts'
import type { IdentityStore } from '../identity.ts'
import type { CallBilling } from '../metering/charges.ts'
import type { SchemaChangeLog } from '../versions/schema-changes.ts'
import type { AutoSnapshotter } from '../versions/snapshots/auto-snapshotter.ts'
import type { StatementObserver } from './observer.ts'

/** The services that observe statements, read at use because some are created later. */
interface WatchServices {
  readonly identity: IdentityStore
  readonly schemaChanges: SchemaChangeLog
  readonly charges: CallBilling
  readonly keeper: AutoSnapshotter
  readonly feed: ChangeFeed
  readonly webhookStore: WebhookStore
}

/** The number of statements logged so far, across all databases of the process. */
let statements = 0

/** Returns the observer that the engine reports statements to. */
export const watchFor = (
  ctx: DurableObjectState,
  services: WatchServices,
  queryTimeoutMs: number,
): StatementObserver => ({
  started(sql) {
    const { identity, charges } = services
    const id = ++statements
    const database = `${identity.current?.namespace}/${identity.current?.slug}`
    const { tokenId } = charges
    console.error(JSON.stringify({ event: 'statement_started', id, database, tokenId, sql: sql.slice(0, 500) }))
    return id
  },
  finished: (id) => console.error(JSON.stringify({ event: 'statement_finished', id })),
  schemaChanged: (statement, objects) =>
    services.schemaChanges.add(statement, objects, actorOf({ tokenId: services.charges.tokenId }), now()),
  losing: (analysis) => services.keeper.check(analysis),
  listening: () => services.feed.isHeard || services.webhookStore.list().length > 0,
  overtime(startedMs) {
    if (performance.now() - startedMs < queryTimeoutMs) return
    // Only an abort ends a running statement: the object restarts with all committed data.
    ctx.abort('query_timeout')
    throw new PerSQLError('query_timeout', { seconds: queryTimeoutMs / 1000 })
  },
})
