import { type Database, PerSQLError } from '@persql/contract'
import { mapPage } from '../../paging.ts'
import { invalidateHostnames } from '../hostname-cache.ts'
import { parseExpiry } from './expiry.ts'
import type { NamespaceContext, NamespaceHandlers } from './handlers.ts'

export const databases = {
  list_databases: async (paging, { namespace, opens, tableScope }) =>
    mapPage(await namespace.listDatabases(paging, opens), (database) => shown(database, tableScope)),
  create_database: ({ slug, name, expiresAt, ttlDays, ...details }, { namespace, actor }) =>
    namespace.createDatabase(slug, name ?? slug, actor, {
      ...details,
      expiresAtMs: parseExpiry({ expiresAt, ttlDays }),
    }),
  get_database: async ({ slug }, context) => shown(await getOpened(slug, context), context.tableScope),
  update_database: async ({ slug, expiresAt, ttlDays, ...details }, context) => {
    const { namespace, opens, actor } = context
    if (opens) {
      await getOpened(slug, context)
      // Labels can give other tokens access, and an expiry or the protection decide about its deletion.
      const { labels, deleteProtected } = details
      const ofNamespace = [labels, deleteProtected, expiresAt, ttlDays]
      if (ofNamespace.some((value) => value !== undefined)) throw new PerSQLError('token_pinned')
    }
    return namespace.updateDatabase(slug, { ...details, expiresAtMs: parseExpiry({ expiresAt, ttlDays }) }, actor)
  },
  delete_database: async ({ slug }, { namespace, actor, slug: ns }) => {
    await namespace.deleteDatabase(slug, actor)
    invalidateHostnames(ns, slug)
    return { deleted: true }
  },
} satisfies Partial<NamespaceHandlers>

/** Returns a database that the caller has access to. @throws PerSQLError `token_pinned` or `database_not_found` */
async function getOpened(slug: string, { namespace, opens }: Pick<NamespaceContext, 'namespace' | 'opens'>) {
  const database = await namespace.getDatabase(slug).catch((cause: unknown) => {
    throw opens ? new PerSQLError('token_pinned', {}, { cause }) : cause
  })
  if (opens && !opens.includes(database.id)) throw new PerSQLError('token_pinned')
  return database
}

/** Size and row count cover all tables, so a token with a table scope doesn't see them. */
const shown = (database: Database, tableScope: readonly string[] | null): Database =>
  tableScope === null ? database : { ...database, storedBytes: null, rows: null, measuredAt: null }
