import { type Database, PerSQLError } from '@persql/contract'
import type { DetailChanges } from '../../namespace/databases/database-details.ts'
import { mapPage } from '../../paging.ts'
import { getPatterns } from '../../selection.ts'
import { invalidateHostnames } from '../hostname-cache.ts'
import { parseExpiry } from './expiry.ts'
import type { NamespaceHandlers } from './handlers.ts'

export const databases = {
  list_databases: async (paging, { namespace, opens, tableScope }) =>
    mapPage(await namespace.listDatabases(paging, opens), (database) => shown(database, tableScope)),
  create_database: ({ slug, name, expiresAt, ttlDays, ...details }, { namespace, actor, opens }) => {
    if (opens) assertOwn(details)
    const expiresAtMs = parseExpiry({ expiresAt, ttlDays })
    return namespace.createDatabase(slug, name ?? slug, actor, { ...details, expiresAtMs }, opens)
  },
  get_database: async ({ slug }, { namespace, opens, tableScope }) =>
    shown(await namespace.getDatabase(slug, opens), tableScope),
  update_database: async ({ slug, expiresAt, ttlDays, ...details }, { namespace, actor, opens }) => {
    const expiresAtMs = parseExpiry({ expiresAt, ttlDays })
    if (opens) {
      await namespace.getDatabase(slug, opens)
      assertOwn({ ...details, expiresAtMs })
    }
    return namespace.updateDatabase(slug, { ...details, expiresAtMs }, actor)
  },
  delete_database: async ({ slug }, { namespace, actor, slug: ns, opens }) => {
    await namespace.deleteDatabase(slug, actor, opens && getPatterns(opens))
    invalidateHostnames(ns, slug)
    return { deleted: true }
  },
} satisfies Partial<NamespaceHandlers>

/**
 * Checks that a token that is limited to some databases sets none of the details that belong to the namespace: labels can give
 * other tokens access, and the expiry and the protection decide about deletions. @throws PerSQLError `token_pinned`
 */
function assertOwn({ labels, deleteProtected, expiresAtMs }: DetailChanges): void {
  if ([labels, deleteProtected, expiresAtMs].some((value) => value !== undefined)) throw new PerSQLError('token_pinned')
}

/** Size, row count and schema cover all tables, so a token with a table scope doesn't see them. */
const shown = (database: Database, tableScope: readonly string[] | null): Database =>
  tableScope === null ? database : { ...database, ...HIDDEN }

const HIDDEN = { storedBytes: null, rows: null, measuredAt: null, schemaHash: null, migration: null }
