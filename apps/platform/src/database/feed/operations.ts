import { type Api, type Parsed, PerSQLError } from '@persql/contract'
import type { DatabaseCall, FeedOperation } from '../call.ts'
import type { Run } from '../operations.ts'
import { done } from '../outcome.ts'
import { concerns, tablesOf, within } from './tables.ts'

/** Who wants to hear of changes. Bodies are validated input. */
export const feedOperations: Record<FeedOperation, Run> = {
  /** The Worker comes back with the ticket and the connection, which cannot travel with a call. */
  subscribe(call, { sockets }) {
    const { tables, cursor } = inputOf<'subscribe'>(call)
    return done({ ticket: sockets.admit(call.grant, tablesOf(tables), cursor) })
  },

  async wait_for_changes(call, { feed, waiting, admits }) {
    const { tables, cursor, timeoutSec } = inputOf<'wait_for_changes'>(call)
    const wanted = concerns(within(tablesOf(tables), call.grant.tableScope))
    feed.attend()
    const missed = cursor === undefined ? [] : feed.since(cursor).filter(wanted)
    const events = missed.length > 0 || timeoutSec === 0 ? missed : await waiting.next(wanted, timeoutSec * 1000)
    if (!admits(call.grant)) throw new PerSQLError('token_unknown')
    const changes = new Map(events.map(({ table, kind }) => [JSON.stringify([table, kind]), { table, kind }]))
    return done({ changes: [...changes.values()], cursor: feed.cursor, timedOut: events.length === 0 })
  },
}

const inputOf = <K extends FeedOperation>({ body }: DatabaseCall) => JSON.parse(body) as Parsed<Api[K]>
