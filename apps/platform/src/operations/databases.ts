import type { NamespaceHandlers } from '../execute.ts'
import { forgetHostnamesOf } from '../http/hostnames.ts'

export const databases = {
  list_databases: (paging, { namespace, opens }) => namespace.listDatabases(paging, opens),
  create_database: ({ slug, name }, { namespace, actor }) => namespace.createDatabase(slug, name ?? slug, actor),
  get_database: ({ slug }, { namespace }) => namespace.getDatabase(slug),
  delete_database: async ({ slug }, { namespace, actor, slug: ns }) => {
    await namespace.deleteDatabase(slug, actor)
    forgetHostnamesOf(ns, slug)
    return { deleted: true }
  },
} satisfies Partial<NamespaceHandlers>
