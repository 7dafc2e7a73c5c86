import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import { disk } from '../../disk-space.ts'
import type { Settings } from '../../settings.ts'
import { getActor } from '../calls/call.ts'
import type { CurrentCaller } from '../calls/current-caller.ts'
import type { ChangeFeed } from '../events/change-feed/feed.ts'
import type { WebhookStore } from '../events/webhooks/store.ts'
import type { IdentityStore } from '../identity.ts'
import type { LongReads } from '../reads/long-reads.ts'
import type { SchemaChangeLog } from '../versions/schema-changes.ts'
import type { AutoSnapshotter } from '../versions/snapshots/auto-snapshotter.ts'
import type { Growth } from './growth.ts'
import type { StatementObserver } from './observer.ts'
import { assertLongWrites } from './write-suspension.ts'

/** The services that observe statements. */
export interface WatchServices {
  readonly identity: IdentityStore
  readonly schemaChanges: SchemaChangeLog
  readonly caller: CurrentCaller
  readonly keeper: AutoSnapshotter
  readonly feed: ChangeFeed
  readonly webhookStore: WebhookStore
  readonly longReads: LongReads
  readonly growth: Pick<Growth, 'limit'>
}

/** The number of statements logged so far, across all databases of the process. */
let statements = 0

/** Returns the observer that the engine reports statements to. */
export const watchFor = (
  ctx: DurableObjectState,
  { identity, caller, schemaChanges, keeper, feed, webhookStore, longReads, growth }: WatchServices,
  { queryTimeoutMs, longWritesRefused }: Pick<Settings, 'queryTimeoutMs' | 'longWritesRefused'>,
): StatementObserver => ({
  started(sql, isWrite) {
    // A read in a transaction that can write counts as a write.
    if (isWrite) assertLongWrites(longWritesRefused, identity.current?.namespace)
    const id = ++statements
    const database = `${identity.current?.namespace}/${identity.current?.slug}`
    const { tokenId } = caller
    const storage = { file: ctx.id.toString(), hasRoom: disk.level === 0, ...(isWrite && { limit: growth.limit }) }
    const about = { database, tokenId, isWrite, sql: sql.slice(0, 500), storage }
    console.error(JSON.stringify({ event: 'statement_started', id, ...about }))
    return id
  },
  finished: (id) => console.error(JSON.stringify({ event: 'statement_finished', id })),
  schemaChanged: (statement, objects) => schemaChanges.add(statement, objects, getActor(caller), now()),
  losing: (analysis) => keeper.check(analysis),
  readInPlace: (analysis, ms, bytes) => longReads.ranInPlace(analysis, ms, bytes),
  listening: () => feed.isHeard || webhookStore.list().length > 0,
  overtime(startedMs) {
    if (performance.now() - startedMs < queryTimeoutMs) return
    // Only an abort ends a running statement: the object restarts with all committed data.
    ctx.abort('query_timeout')
    throw new PerSQLError('query_timeout', { seconds: queryTimeoutMs / 1000 })
  },
})
