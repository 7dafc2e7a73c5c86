import { PerSQLError } from '@persql/contract'
import { type Account, getAuth } from '../accounts/auth.ts'
import { now } from '../clock.ts'
import type { Context } from '../context.ts'
import type { Grant } from '../database/calls/call.ts'
import type { Caller } from '../namespace/tokens/admission.ts'
import type { Audience } from '../oauth-server/server.ts'
import { hasBranches } from '../selection.ts'
import { hashToken, parseNamespace } from '../token.ts'
import { type Admitted, GrantCache } from './grant-cache.ts'
import { directoryObject, namespaceObject } from './objects.ts'

/** The time for which a cached token counts as valid. Revocations reach the databases directly, without delay. */
const CACHE_MS = 5 * 60 * 1000
const MAX_CACHED = 10_000

interface Cached {
  /** The namespace in the token. */
  readonly namespace: string
  readonly untilMs: number
  /** The API that the token was accepted at, for tokens that are valid for one API only. */
  readonly audience: Audience | undefined
  /** The origins of the pages that can use the token. */
  readonly origins: Caller['origins']
}

/** Returns a grant with its JSON. */
export const toAdmitted = (grant: Grant, limits: Pick<Admitted, 'operations' | 'branches'> = UNLIMITED): Admitted => ({
  ...limits,
  grant,
  text: JSON.stringify(grant),
})
const UNLIMITED = { operations: null, branches: false }

// One bounded cache per isolate. Databases themselves refuse tokens that it holds for too long. It contains only existing
// databases, so requests for random names can't create files.
const cache = new GrantCache<Cached>()
const namespaces = new Set<string>()
/** Databases that existed once. A deleted one has no endpoints and returns the error itself. */
const publicDatabases = new Set<string>()

/** Returns the grant of a database's caller, from the cache when warm. @throws PerSQLError */
export function authenticateForDatabase(
  ctx: Context,
  namespace: string,
  database: string,
): Admitted | Promise<Admitted> {
  const token = bearer(ctx)
  const cached = cache.get(token)
  if (cached && cached.untilMs > now() && (cached.audience === undefined || cached.audience === audienceAt(ctx))) {
    const grant = cached.grants.get(`${namespace}/${database}`)
    if (grant !== undefined) {
      ctx.page?.admit(cached.origins)
      return grant
    }
  }
  return authenticateAndRemember(ctx, token, namespace, database)
}

async function authenticateAndRemember(
  ctx: Context,
  token: string,
  namespace: string,
  database: string,
): Promise<Admitted> {
  if (tokenNamespace(token) !== namespace) throw new PerSQLError('namespace_mismatch')
  const caller = await ask(ctx, token, namespace, database)
  const { tokenId, secretId, role, tableScope, expiresAtMs, memberRole, opens, origins, databaseId } = caller
  const pinned = opens === null ? undefined : true
  const known = { tokenId, secretId, role, tableScope, expiresAtMs, memberRole, pinned, databaseId } satisfies {
    [K in keyof Grant]: Grant[K] | undefined
  }
  const operations = caller.operations && new Set(caller.operations)
  const grant = toAdmitted(known as Grant, { operations, branches: hasBranches(opens) })
  const about = { namespace, untilMs: now() + CACHE_MS, audience: memberRole && audienceAt(ctx), origins }
  cache.add(token, about, `${namespace}/${database}`, grant)
  return grant
}

/** Returns whether a database exists, for callers without a token. Known databases come from the cache. */
export function databaseExists(ctx: Context, namespace: string, database: string): true | Promise<boolean> {
  return publicDatabases.has(`${namespace}/${database}`) || askForDatabase(ctx, namespace, database)
}

async function askForDatabase(ctx: Context, namespace: string, database: string): Promise<boolean> {
  if (!(await isNamespace(ctx, namespace))) return false
  if (!(await namespaceObject(ctx.env, namespace).hasDatabase(database))) return false
  if (publicDatabases.size >= MAX_CACHED) publicDatabases.clear()
  publicDatabases.add(`${namespace}/${database}`)
  return true
}

/** Returns the caller of any other operation, never from a cache, and the token's namespace. @throws PerSQLError */
export async function authenticateForNamespace(ctx: Context): Promise<{ namespace: string; caller: Caller }> {
  const token = bearer(ctx)
  const namespace = tokenNamespace(token)
  return { namespace, caller: await ask(ctx, token, namespace) }
}

/** Returns the namespace in the caller's token, without checking the token itself. @throws PerSQLError */
export function callerNamespace(ctx: Context): string {
  const token = bearer(ctx)
  return cache.get(token)?.namespace ?? tokenNamespace(token)
}

/** Removes the caller's token from the cache, after an object refused it or its database wasn't found. */
export function forgetToken(ctx: Context): void {
  cache.delete(bearer(ctx))
}

/** Checks that the caller has the instance's secret. @throws PerSQLError `operator_only` */
export async function authenticateOperator({ env, headers }: Context): Promise<void> {
  const secret = env.PERSQL_SECRET
  const given = /^Bearer (\S+)$/i.exec(headers.get('Authorization') ?? '')?.[1]
  if (!secret || !given) throw new PerSQLError('operator_only')
  const [a, b] = await Promise.all([sha256(secret), sha256(given)])
  if (!crypto.subtle.timingSafeEqual(a, b)) throw new PerSQLError('operator_only')
}

/** Returns the signed-in account. Not cached. @throws PerSQLError `not_signed_in` or `origin_refused` */
export async function authenticateAccount(ctx: Context): Promise<Account> {
  if (!ctx.headers.has('Cookie')) throw new PerSQLError('not_signed_in')
  refuseForeignOrigin(ctx)
  const { api } = getAuth(ctx.env, ctx.baseUrl)
  const session = await api.getSession({ headers: ctx.headers, query: { disableRefresh: true } })
  if (!session) throw new PerSQLError('not_signed_in')
  const { id, email, name } = session.user
  return { userId: id, email, name }
}

/**
 * Returns the role of a user in a namespace, or in one of its databases. Not cached.
 * @throws PerSQLError `namespace_not_found` or `database_not_found`
 */
export async function getMemberAccess(ctx: Context, { userId }: Account, namespace: string, database?: string) {
  if (!(await isNamespace(ctx, namespace))) throw new PerSQLError('namespace_not_found', { namespace })
  return namespaceObject(ctx.env, namespace).access(userId, database, namespace)
}

/** The advice for callers from other sites. */
export const USE_TOKEN = 'Call /v1 with a token instead.'

/**
 * Checks the origin of a request that changes something: cookies count only on pages of this instance.
 * @throws PerSQLError `origin_refused`
 */
export function refuseForeignOrigin({ headers, route, baseUrl }: Context): void {
  if (route.startsWith('GET ')) return
  const origin = headers.get('Origin')
  const site = headers.get('Sec-Fetch-Site')
  const ours = origin === null ? site === null || site === 'same-origin' : origin === new URL(baseUrl).origin
  if (!ours) throw new PerSQLError('origin_refused', { origin: origin ?? 'an unknown site', instead: USE_TOKEN })
}

async function ask(ctx: Context, token: string, namespace: string, database?: string): Promise<Caller> {
  if (!(await isNamespace(ctx, namespace))) throw new PerSQLError('token_unknown')
  // A caller that lowered its role below admin doesn't create the database that it names.
  const creates = ctx.atMost === undefined || ctx.atMost === 'admin'
  const { page } = ctx
  const caller = await namespaceObject(ctx.env, namespace).authenticate(
    await hashToken(token),
    database,
    audienceAt(ctx),
    creates,
    page?.origin,
  )
  page?.admit(caller.origins)
  return caller
}

/** Returns whether the namespace exists. Check this first: calling a Durable Object creates its file. */
export async function isNamespace(ctx: Context, namespace: string): Promise<boolean> {
  if (namespaces.has(namespace)) return true
  if (!(await directoryObject(ctx.env).has(namespace))) return false
  if (namespaces.size >= MAX_CACHED) namespaces.clear()
  namespaces.add(namespace)
  return true
}

const audienceAt = ({ audience }: Context): Audience => audience ?? 'v1'

function bearer({ headers }: Context): string {
  const header = headers.get('Authorization')
  if (header === null) throw new PerSQLError('token_missing')
  const token = /^Bearer (\S+)$/i.exec(header)?.[1]
  if (token === undefined) throw new PerSQLError('token_malformed')
  return token
}

function tokenNamespace(token: string): string {
  const namespace = parseNamespace(token)
  if (namespace === null) throw new PerSQLError('token_malformed')
  return namespace
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}
