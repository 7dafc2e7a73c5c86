import type { NamespaceHandlers } from '../execute.ts'

export const databases = {
  list_databases: (_input, { namespace }) => namespace.listDatabases(),
  create_database: ({ slug, name }, { namespace }) => namespace.createDatabase(slug, name ?? slug),
  get_database: ({ slug }, { namespace }) => namespace.getDatabase(slug),
  delete_database: async ({ slug }, { namespace }) => {
    await namespace.deleteDatabase(slug)
    return { deleted: true }
  },
} satisfies Partial<NamespaceHandlers>
