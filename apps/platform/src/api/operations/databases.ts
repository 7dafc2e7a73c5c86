import { type Database, Labels, PerSQLError } from '@persql/contract'
import type { DetailChanges } from '../../namespace/databases/database-details.ts'
import { mapPage } from '../../paging.ts'
import { getPatterns } from '../../selection.ts'
import { invalidateHostnames } from '../hostname-cache.ts'
import { parseExpiry } from './expiry.ts'
import type { NamespaceHandlers } from './handlers.ts'

const STANDARD_SIZE = 100
const MAX_SIZE = 1_000

export const databases = {
  list_databases: async (input, { namespace, opens, tableScope }) => {
    const { cursor, pageSize, limit, sort = 'slug', labels, ...filter } = input
    if (pageSize !== undefined && limit !== undefined) throw invalid('limit', 'Set "pageSize" or "limit", not both.')
    // The order of sizes would show them.
    if (tableScope !== null && (sort === '-storedBytes' || sort === '-rows')) {
      throw new PerSQLError('not_for_scoped_token', { action: `sort databases by ${sort.slice(1)}` })
    }
    const standardSize = Object.keys(input).length > 0 ? STANDARD_SIZE : MAX_SIZE
    const paging = { cursor, pageSize: pageSize ?? limit ?? standardSize }
    const selection = { opens, ...filter, labels: labels === undefined ? undefined : parseLabels(labels) }
    const page = await namespace.listDatabases(paging, selection, sort)
    return mapPage(page, (database) => shown(database, tableScope))
  },
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

/** Parses labels such as `plan:pro,region:eu`. @throws PerSQLError `invalid_input` */
function parseLabels(text: string): Labels {
  // An odd number of backslashes escapes a comma.
  const parts = text.split(/(?<=(?<!\\)(?:\\\\)*),/)
  const pairs = parts.map((part) => {
    const [, key = '', value = ''] = /^([^:]*):(.*)$/s.exec(part) ?? []
    return [key, value.replace(/\\([\\,])/g, '$1')] as const
  })
  const labels = Labels.safeParse(Object.fromEntries(pairs))
  if (!labels.success || Object.keys(labels.data).length !== parts.length) {
    throw invalid('labels', 'Invalid labels. Expected pairs of different keys, such as "plan:pro,region:eu".')
  }
  return labels.data
}

const invalid = (field: string, problem: string) =>
  new PerSQLError('invalid_input', { problem }, { extra: { fields: { [field]: problem } } })

/**
 * Checks that a token that is limited to some databases sets none of the details that belong to the namespace: labels can give
 * other tokens access, a limit of the size is set for the token's holder, and the expiry and the protection decide about
 * deletions. @throws PerSQLError `token_pinned`
 */
function assertOwn({ labels, deleteProtected, maxBytes, expiresAtMs }: DetailChanges): void {
  if ([labels, deleteProtected, maxBytes, expiresAtMs].some((value) => value !== undefined))
    throw new PerSQLError('token_pinned')
}

/** Size, row count and schema cover all tables, so a token with a table scope doesn't see them. */
const shown = (database: Database, tableScope: readonly string[] | null): Database =>
  tableScope === null ? database : { ...database, ...HIDDEN }

const HIDDEN = { storedBytes: null, rows: null, measuredAt: null, schemaHash: null, migration: null }
