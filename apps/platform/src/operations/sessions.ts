import { PerSQLError } from '@persql/contract'
import type { NamespaceHandlers } from '../execute.ts'
import { databaseObject } from '../objects.ts'

export const sessions = {
  create_session: async ({ namespaceSlug, databaseSlug, userId, email, expiresIn }, ctx) => {
    const { env, slug, caller, namespace } = ctx
    if (namespaceSlug !== slug) throw new PerSQLError('namespace_mismatch')
    // Endpoints answer to a session with tables that the token may not be meant to reach.
    if (caller.tableScope !== null) throw new PerSQLError('table_out_of_scope', { table: '*' })
    const { status } = await namespace.getDatabase(databaseSlug)
    if (status !== 'healthy') throw new PerSQLError('database_not_found', { database: databaseSlug })
    const database = databaseObject(env, slug, databaseSlug)
    return { ...(await database.mintSession(String(userId), email ?? null, expiresIn)), expiresIn }
  },
} satisfies Partial<NamespaceHandlers>
