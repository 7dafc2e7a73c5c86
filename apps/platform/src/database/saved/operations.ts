import { type Api, type Parsed, PerSQLError } from '@persql/contract'
import { mapPage } from '../../paging.ts'
import { actorOf, type DatabaseCall, type SavedQueryOperation } from '../call.ts'
import { isBranch } from '../merge/fork-state.ts'
import type { Run } from '../operations.ts'
import { done, donePage } from '../outcome.ts'
import { type StoredQuery, savedQueryOf } from './store.ts'

/** SQL that people keep for each other. Bodies are validated input. */
export const savedQueryOperations: Record<SavedQueryOperation, Run> = {
  list_saved_queries: (call, { savedQueries }) =>
    donePage(mapPage(savedQueries.page(inputOf<'list_saved_queries'>(call)), savedQueryOf)),

  create_saved_query: (call, { savedQueries, storage, audit, now }) => {
    if (isBranch(storage.kv)) throw new PerSQLError('saved_query_on_branch')
    const { name, sql } = inputOf<'create_saved_query'>(call)
    const actor = actorOf(call.grant)
    const stored = savedQueries.create({ name, sql }, actor, now())
    audit(actor, 'saved_query.created', stored.id, { name })
    return done(savedQueryOf(stored))
  },

  update_saved_query: (call, { savedQueries, audit, now }) => {
    const { id, name, sql, ifVersion } = inputOf<'update_saved_query'>(call)
    const before = unchanged(savedQueries.get(id), ifVersion)
    const saving = { name: name ?? before.name, sql: sql ?? before.sql }
    if (saving.name === before.name && saving.sql === before.sql) return done(savedQueryOf(before))
    const actor = actorOf(call.grant)
    const stored = savedQueries.change(before, saving, actor, now())
    audit(actor, 'saved_query.updated', id, { name: stored.name })
    return done(savedQueryOf(stored))
  },

  delete_saved_query: (call, { savedQueries, audit }) => {
    const stored = savedQueries.get(inputOf<'delete_saved_query'>(call).id)
    savedQueries.delete(stored)
    audit(actorOf(call.grant), 'saved_query.deleted', stored.id, { name: stored.name })
    return done({ deleted: true })
  },
}

function unchanged(stored: StoredQuery, ifVersion: number | undefined): StoredQuery {
  const { name, version } = stored
  if (ifVersion === undefined || ifVersion === version) return stored
  throw new PerSQLError('saved_query_changed', { name }, { extra: { version } })
}

const inputOf = <K extends SavedQueryOperation>({ body }: DatabaseCall) => JSON.parse(body) as Parsed<Api[K]>
