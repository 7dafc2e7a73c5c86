import { PerSQLError } from '@persql/contract'
import type { Grant } from '../../calls/call.ts'
import { type Handlers, parseInput } from '../../calls/handler.ts'
import { done } from '../../calls/outcome.ts'
import type { ChangeFeed } from './feed.ts'
import type { LongPollers } from './long-poll.ts'
import type { ChangeSockets } from './sockets.ts'
import { concerns, parseTableFilter, within } from './table-filter.ts'

/** The services that subscribers use. */
interface FeedServices {
  readonly feed: ChangeFeed
  readonly waiting: LongPollers
  readonly sockets: ChangeSockets
  readonly admits: (grant: Grant) => boolean
}

/** Returns the handlers of subscriptions to changes. */
export function operations({ feed, waiting, sockets, admits }: FeedServices) {
  return {
    /** An RPC call can't carry the connection, so the Worker opens it with the ticket in a second request. */
    subscribe(call) {
      const { tables, cursor } = parseInput<'subscribe'>(call)
      return done({ ticket: sockets.issueTicket(call.grant, parseTableFilter(tables), cursor) })
    },

    async wait_for_changes(call) {
      const { tables, cursor, timeoutSec } = parseInput<'wait_for_changes'>(call)
      const wanted = concerns(within(parseTableFilter(tables), call.grant.tableScope))
      feed.attend()
      const missed = cursor === undefined ? [] : feed.since(cursor).filter(wanted)
      const events = missed.length > 0 || timeoutSec === 0 ? missed : await waiting.next(wanted, timeoutSec * 1000)
      if (!admits(call.grant)) throw new PerSQLError('token_unknown')
      const changes = new Map(events.map(({ table, kind }) => [JSON.stringify([table, kind]), { table, kind }]))
      return done({ changes: [...changes.values()], cursor: feed.cursor, timedOut: events.length === 0 })
    },
  } satisfies Handlers
}
