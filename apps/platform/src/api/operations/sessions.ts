import { PerSQLError } from '@persql/contract'
import { expiryWithin } from '../../authority.ts'
import { now } from '../../clock.ts'
import { toCreatorId } from '../../namespace/tokens/credentials.ts'
import { databaseObject } from '../objects.ts'
import type { NamespaceHandlers } from './handlers.ts'

const STANDARD_S = 3600

export const sessions = {
  create_session: async ({ namespaceSlug, databaseSlug, userId, email, expiresIn }, ctx) => {
    const { env, slug, caller, namespace } = ctx
    if (namespaceSlug !== slug) throw new PerSQLError('namespace_mismatch')
    const nowMs = now()
    const wantedMs = expiresIn === undefined ? undefined : nowMs + expiresIn * 1000
    const endsAtMs = expiryWithin(caller.minterEndsAtMs, wantedMs, nowMs + STANDARD_S * 1000, 'expiresIn') as number
    const lastsS = Math.max(1, Math.floor((endsAtMs - nowMs) / 1000))
    const { status } = await namespace.getDatabase(databaseSlug, ctx.opens)
    if (status !== 'healthy') throw new PerSQLError('database_not_found', { database: databaseSlug })
    const database = databaseObject(env, slug, databaseSlug)
    const minted = await database.mintSession(String(userId), email ?? null, lastsS, toCreatorId(caller.minter))
    return { ...minted, expiresIn: lastsS }
  },
} satisfies Partial<NamespaceHandlers>
