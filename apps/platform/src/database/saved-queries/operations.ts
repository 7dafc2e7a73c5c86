import { PerSQLError } from '@persql/contract'
import { mapPage } from '../../paging.ts'
import { getActor } from '../calls/call.ts'
import { type Handlers, parseInput } from '../calls/handler.ts'
import { done, donePage } from '../calls/outcome.ts'
import type { Audit } from '../review/audit-outbox.ts'
import { isBranch } from '../versions/merge/fork-state.ts'
import { type SavedQueries, type StoredQuery, toSavedQuery } from './store.ts'

/** The services that saved queries use. */
interface SavedQueryServices {
  readonly savedQueries: SavedQueries
  readonly storage: DurableObjectStorage
  readonly audit: Audit
  readonly now: () => number
}

/** Returns the handlers of saved queries. */
export function operations({ savedQueries, storage, audit, now }: SavedQueryServices) {
  return {
    list_saved_queries: (call) =>
      donePage(mapPage(savedQueries.page(parseInput<'list_saved_queries'>(call)), toSavedQuery)),

    create_saved_query: (call) => {
      if (isBranch(storage.kv)) throw new PerSQLError('saved_query_on_branch')
      const { name, sql } = parseInput<'create_saved_query'>(call)
      const actor = getActor(call.grant)
      const stored = savedQueries.create({ name, sql }, actor, now())
      audit(actor, 'saved_query.created', stored.id, { name })
      return done(toSavedQuery(stored))
    },

    update_saved_query: (call) => {
      const { id, name, sql, ifVersion } = parseInput<'update_saved_query'>(call)
      const before = unchanged(savedQueries.get(id), ifVersion)
      const saving = { name: name ?? before.name, sql: sql ?? before.sql }
      if (saving.name === before.name && saving.sql === before.sql) return done(toSavedQuery(before))
      const actor = getActor(call.grant)
      const stored = savedQueries.change(before, saving, actor, now())
      audit(actor, 'saved_query.updated', id, { name: stored.name })
      return done(toSavedQuery(stored))
    },

    delete_saved_query: (call) => {
      const stored = savedQueries.get(parseInput<'delete_saved_query'>(call).id)
      savedQueries.delete(stored)
      audit(getActor(call.grant), 'saved_query.deleted', stored.id, { name: stored.name })
      return done({ deleted: true })
    },
  } satisfies Handlers
}

function unchanged(stored: StoredQuery, ifVersion: number | undefined): StoredQuery {
  const { name, version } = stored
  if (ifVersion === undefined || ifVersion === version) return stored
  throw new PerSQLError('saved_query_changed', { name }, { extra: { version } })
}
