import { type Database, PerSQLError } from '@persql/contract'
import { mapPage } from '../../paging.ts'
import { invalidateHostnames } from '../hostname-cache.ts'
import type { NamespaceHandlers } from './handlers.ts'

export const databases = {
  list_databases: async (paging, { namespace, opens, tableScope }) =>
    mapPage(await namespace.listDatabases(paging, opens), (database) => shown(database, tableScope)),
  create_database: ({ slug, name }, { namespace, actor }) => namespace.createDatabase(slug, name ?? slug, actor),
  get_database: async ({ slug }, { namespace, opens, tableScope }) => {
    const database = await namespace.getDatabase(slug).catch((cause: unknown) => {
      throw opens ? new PerSQLError('token_pinned', {}, { cause }) : cause
    })
    if (opens && !opens.includes(database.id)) throw new PerSQLError('token_pinned')
    return shown(database, tableScope)
  },
  delete_database: async ({ slug }, { namespace, actor, slug: ns }) => {
    await namespace.deleteDatabase(slug, actor)
    invalidateHostnames(ns, slug)
    return { deleted: true }
  },
} satisfies Partial<NamespaceHandlers>

/** Size and row count cover all tables, so a token with a table scope doesn't see them. */
const shown = (database: Database, tableScope: readonly string[] | null): Database =>
  tableScope === null ? database : { ...database, storedBytes: null, rows: null, measuredAt: null }
