import { PerSQLError } from '@persql/contract'
import { type Account, authOf } from '../accounts/auth.ts'
import { now } from '../clock.ts'
import type { Context } from '../context.ts'
import type { Grant } from '../database/calls/call.ts'
import type { Caller } from '../namespace/tokens/admission.ts'
import type { Audience } from '../oauth-server/server.ts'
import { hashToken, namespaceOf } from '../token.ts'
import { directoryObject, namespaceObject } from './objects.ts'

/** How long a token may be taken as valid without asking. A revocation reaches the databases themselves at once. */
const CACHE_MS = 5 * 60 * 1000
const MAX_CACHED = 10_000

interface Cached {
  /** That the token names. */
  readonly namespace: string
  readonly untilMs: number
  /** The door it was taken at, where it is taken at one only. */
  readonly audience: Audience | undefined
  /** By database. Only databases known to exist are here, so that nobody makes files by asking for names. */
  readonly grants: Map<string, Admitted>
}

/** A grant, and its JSON, written once: databases take it as text. */
export interface Admitted {
  readonly grant: Grant
  readonly text: string
}

/** Returns a grant with its JSON. */
export const toAdmitted = (grant: Grant): Admitted => ({ grant, text: JSON.stringify(grant) })

// One cache for each isolate, bounded; the databases refuse what it holds too long.
const cache = new Map<string, Cached>()
const namespaces = new Set<string>()
/** Those that were there once: a deleted one has no endpoints, and says so itself. */
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
    if (grant !== undefined) return grant
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
  const { tokenId, secretId, role, tableScope, expiresAtMs, memberRole, opens } = await ask(
    ctx,
    token,
    namespace,
    database,
  )
  const pinned = opens === null ? undefined : true
  const known = { tokenId, secretId, role, tableScope, expiresAtMs, memberRole, pinned } satisfies {
    [K in keyof Grant]: Grant[K] | undefined
  }
  const grant = toAdmitted(known as Grant)
  const grants = cache.get(token)?.grants ?? new Map<string, Admitted>()
  if (grants.size >= MAX_CACHED) grants.clear()
  grants.set(`${namespace}/${database}`, grant)
  cache.delete(token)
  if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value as string)
  cache.set(token, { namespace, untilMs: now() + CACHE_MS, audience: memberRole && audienceAt(ctx), grants })
  return grant
}

/** Whether there is such a database, for those who come without a token: from the cache when it is known. */
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

/** The caller of anything else, never from a cache, with the namespace the token names. @throws PerSQLError */
export async function authenticateForNamespace(ctx: Context): Promise<{ namespace: string; caller: Caller }> {
  const token = bearer(ctx)
  const namespace = tokenNamespace(token)
  return { namespace, caller: await ask(ctx, token, namespace) }
}

/** The namespace that a caller's token names, without asking whether the token is good. @throws PerSQLError */
export function callerNamespace(ctx: Context): string {
  const token = bearer(ctx)
  return cache.get(token)?.namespace ?? tokenNamespace(token)
}

/** Drops a token that an object refused, or a database that turned out to be gone. */
export function forgetToken(ctx: Context): void {
  cache.delete(bearer(ctx))
}

/** Lets only the holder of the instance's secret pass. @throws PerSQLError `operator_only` */
export async function authenticateOperator({ env, headers }: Context): Promise<void> {
  const secret = env.PERSQL_SECRET
  const given = /^Bearer (\S+)$/i.exec(headers.get('Authorization') ?? '')?.[1]
  if (!secret || !given) throw new PerSQLError('operator_only')
  const [a, b] = await Promise.all([sha256(secret), sha256(given)])
  if (!crypto.subtle.timingSafeEqual(a, b)) throw new PerSQLError('operator_only')
}

/** Who is signed in, asked anew on each request. @throws PerSQLError `not_signed_in` or `origin_refused` */
export async function authenticateAccount(ctx: Context): Promise<Account> {
  if (!ctx.headers.has('Cookie')) throw new PerSQLError('not_signed_in')
  refuseForeignOrigin(ctx)
  const { api } = authOf(ctx.env, ctx.baseUrl)
  const session = await api.getSession({ headers: ctx.headers, query: { disableRefresh: true } })
  if (!session) throw new PerSQLError('not_signed_in')
  const { id, email, name } = session.user
  return { userId: id, email, name }
}

/**
 * What somebody is in a namespace, or in one database of it, asked anew on each request.
 * @throws PerSQLError `namespace_not_found` or `database_not_found`
 */
export async function accessOf(ctx: Context, { userId }: Account, namespace: string, database?: string) {
  if (!(await isNamespace(ctx, namespace))) throw new PerSQLError('namespace_not_found', { namespace })
  return namespaceObject(ctx.env, namespace).access(userId, database)
}

/**
 * Browsers say where a request that changes something comes from; a cookie counts only for our own pages.
 * @throws PerSQLError `origin_refused`
 */
export function refuseForeignOrigin({ headers, route, baseUrl }: Context): void {
  if (route.startsWith('GET ')) return
  const origin = headers.get('Origin')
  const site = headers.get('Sec-Fetch-Site')
  const ours = origin === null ? site === null || site === 'same-origin' : origin === new URL(baseUrl).origin
  if (!ours) throw new PerSQLError('origin_refused', { origin: origin ?? site })
}

async function ask(ctx: Context, token: string, namespace: string, database?: string): Promise<Caller> {
  if (!(await isNamespace(ctx, namespace))) throw new PerSQLError('token_unknown')
  // A caller that asked to read only doesn't create the database that it names.
  const creates = ctx.atMost === undefined || ctx.atMost === 'admin'
  return namespaceObject(ctx.env, namespace).authenticate(await hashToken(token), database, audienceAt(ctx), creates)
}

/** Whether there is such a namespace. Asked before its object is, because asking an object makes it a file. */
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
  const namespace = namespaceOf(token)
  if (namespace === null) throw new PerSQLError('token_malformed')
  return namespace
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}
