import {
  type Api,
  api,
  type Door,
  isPaged,
  isSlug,
  type Listed,
  type Operation,
  type Parsed,
  PerSQLError,
  type Result,
  type Role,
  type Scope,
} from '@persql/contract'
import type { Account } from './accounts/auth.ts'
import {
  accessOf,
  authenticateAccount,
  authenticateForDatabase,
  authenticateForNamespace,
  authenticateOperator,
  forgetToken,
} from './authenticate.ts'
import { assertMayCall, assertMemberMayCall, databaseRole, lowerOf, openToAll } from './authority.ts'
import type { Context } from './context.ts'
import type { DatabaseOperation, Grant, ReplayKey, StatementOperation } from './database/call.ts'
import { databaseOperations } from './database/operations.ts'
import { parseObject } from './json-object.ts'
import type { Caller, MemberAccess } from './namespace/admission.ts'
import type { Minter } from './namespace/credentials.ts'
import type { Namespace } from './namespace/object.ts'
import { databaseObject, namespaceObject } from './objects.ts'
import { accounts } from './operations/accounts.ts'
import { approvals } from './operations/approvals.ts'
import { billing } from './operations/billing.ts'
import { branches, handoffs } from './operations/branches.ts'
import { databases } from './operations/databases.ts'
import { hostnames } from './operations/hostnames.ts'
import { members } from './operations/members.ts'
import { anyone, operator } from './operations/operator.ts'
import { sessions } from './operations/sessions.ts'
import { tokens } from './operations/tokens.ts'
import type { Remote } from './remote.ts'
import { type Reply, refuse, succeed } from './reply.ts'
import { errorOf } from './storage/long-transaction.ts'

/** Operations that are declared with one of these scopes. */
type Scoped<S extends Scope> = { [K in keyof Api]: Api[K]['scope'] extends S ? K : never }[keyof Api]
type OperatorOperation = Scoped<'operator'>
type AccountOperation = Scoped<'account'>
type MemberOperation = Scoped<'member'>
type AnyoneOperation = Scoped<'anyone'>
type NamespaceOperation = Exclude<Scoped<Role>, DatabaseOperation>

/** What a handler of a namespace has at hand. The caller is authenticated, its role checked, the request charged. */
interface NamespaceContext extends Context {
  readonly slug: string
  /** Who is calling, for the audit log: `token:<id>` or `user:<id>`. */
  readonly actor: string
  readonly namespace: Remote<Namespace>
  /** IDs of the only databases that the caller's token opens, or `null` for all. */
  readonly opens: readonly string[] | null
  /** The only tables that the caller's token touches, or `null` for all. */
  readonly tableScope: readonly string[] | null
  /** The credential that everything the caller creates ends with. */
  readonly minter: Minter
}
interface TokenContext extends NamespaceContext {
  readonly caller: Caller
}
interface MemberContext extends NamespaceContext {
  readonly member: MemberAccess
}
interface AccountContext extends Context {
  readonly account: Account
}

type Handler<K extends keyof Api, C> = (input: Parsed<Api[K]>, ctx: C) => Promise<Result<Api[K]>>
/** Operations with a door in the console have handlers that do not ask for a token. */
export type NamespaceHandlers = {
  [K in NamespaceOperation]: Handler<K, Api[K] extends { console: object } ? NamespaceContext : TokenContext>
}
export type MemberHandlers = { [K in MemberOperation]: Handler<K, MemberContext> }
export type AccountHandlers = { [K in AccountOperation]: Handler<K, AccountContext> }
export type AnyoneHandlers = { [K in AnyoneOperation]: Handler<K, Context> }
export type OperatorHandlers = { [K in OperatorOperation]: Handler<K, Context> }

const ofNamespaces = {
  ...databases,
  ...hostnames,
  ...tokens,
  ...billing,
  ...sessions,
  ...branches,
} satisfies NamespaceHandlers
const ofMembers = members satisfies MemberHandlers
const ofAccounts = { ...accounts, ...approvals } satisfies AccountHandlers
const ofOperators = operator satisfies OperatorHandlers
const ofAnyone = { ...anyone, ...handoffs } satisfies AnyoneHandlers
const statementOperations: ReadonlySet<string> = new Set<StatementOperation>([
  'query',
  'batch',
  'list_tables',
  'validate',
  'explain',
  'get_schema',
  'propose',
  'apply',
])
/** Whether a database serves this by itself. */
export const isDatabaseOperation = (name: string): name is DatabaseOperation => Object.hasOwn(databaseOperations, name)

/** What a surface gathered from a request: parameters of path and query, and the body as text. */
export interface Raw {
  readonly params: Readonly<Record<string, unknown>>
  readonly body: () => Promise<string>
  /** Takes in a body that is a file, for whom it is; returns what the database is told of it. */
  readonly upload: (input: unknown, grant: Grant) => Promise<object>
  readonly replayKeys: (body: string) => Promise<readonly ReplayKey[] | undefined>
}

/** The one road to a handler: authenticate, authorise, charge, validate, run, and shape whatever comes of it. */
export async function execute(name: keyof Api, door: Door, raw: Raw, ctx: Context): Promise<Reply> {
  try {
    if (door === 'session') return await executeForAccount(name, raw, ctx)
    if (isDatabaseOperation(name)) return await executeOnDatabase(name, raw, ctx)
    const { scope } = api[name]
    if (scope === 'anyone') return answered(name, await run(ofAnyone, name, await validated(api[name], raw), ctx))
    const result = scope === 'operator' ? executeForOperator(name, raw, ctx) : executeForToken(name, raw, ctx)
    return answered(name, await result)
  } catch (cause) {
    return refuse(cause)
  }
}

/**
 * A database checks and charges by itself, where its statements run, so that a warm call is one call to one object; the
 * body goes there as text, and what comes back is sent as it is. Bodies of statements are validated there too.
 */
async function executeOnDatabase(operation: DatabaseOperation, raw: Raw, ctx: Context): Promise<Reply> {
  const { ns, db } = raw.params as { ns: string; db: string }
  if (!isSlug(ns) || !isSlug(db)) throw new PerSQLError('database_not_found', { database: db.slice(0, 80) })
  const known = authenticateForDatabase(ctx, ns, db)
  let grant = lowered(known instanceof Promise ? await known : known, ctx)
  // A statement that anyone may send is judged by what it would do, where it is compiled.
  if (!openToAll.has(operation)) assertMayCall(operation, JSON.parse(grant) as Grant, 'database')
  const body = await bodyFor(operation, raw, ctx, grant)
  const replayKeys = await raw.replayKeys(body)
  const call = () => callDatabase(ctx, operation, ns, db, grant, body, replayKeys)
  const reply = await call()
  if (reply.code === 'token_unknown') forgetToken(ctx)
  if (reply.code !== 'database_not_found') return reply
  // The database was there when the cache learned of it. Ask anew: an admin's call makes it again.
  forgetToken(ctx)
  grant = lowered(await authenticateForDatabase(ctx, ns, db), ctx)
  return call()
}

/** What the object gets to read: statements as they were sent, all else validated, with the base URL for links. */
function bodyFor(operation: DatabaseOperation, raw: Raw, ctx: Context, grant: string): string | Promise<string> {
  if (statementOperations.has(operation)) return hasBody(api[operation]) ? raw.body() : ''
  return validated(api[operation], raw).then(async (input) => {
    const { upload }: Operation = api[operation]
    const file = upload && (await raw.upload(input, JSON.parse(grant) as Grant))
    return JSON.stringify({ ...(input as object), baseUrl: ctx.baseUrl, upload: file })
  })
}

function lowered(grant: string, ctx: Context): string {
  if (ctx.atMost === undefined) return grant
  const known = JSON.parse(grant) as Grant
  return JSON.stringify({ ...known, role: lowerOf(known.role, ctx.atMost) } satisfies Grant)
}

async function callDatabase(
  ctx: Context,
  operation: DatabaseOperation,
  ns: string,
  db: string,
  grant: string,
  body: string,
  replayKeys: readonly ReplayKey[] | undefined,
): Promise<Reply> {
  const startedMs = Date.now()
  try {
    const answer = await databaseObject(ctx.env, ns, db).call(operation, `${ns}/${db}`, grant, body, replayKeys)
    return typeof answer === 'string' ? { status: 200, body: answer } : linked(answer, ctx.baseUrl)
  } catch (cause) {
    const error = errorOf(cause)
    if (error.code === 'took_too_long') throw error
    const seconds = ctx.settings.queryTimeoutMs / 1000
    const timedOut = Date.now() - startedMs >= ctx.settings.queryTimeoutMs
    throw new PerSQLError(timedOut ? 'query_timeout' : 'unavailable', { seconds }, { cause })
  }
}

/** Tells whoever needs an approval where a human gives it: databases do not know under which URL they are reached. */
function linked(reply: Reply, baseUrl: string): Reply {
  if (reply.code !== 'approval_required') return reply
  const refusal = JSON.parse(reply.body) as { approvalToken: string }
  const approvalUrl = `${baseUrl}/approve/${refusal.approvalToken}`
  return { ...reply, body: JSON.stringify({ ...refusal, approvalUrl }) }
}

async function executeForToken(name: keyof Api, raw: Raw, ctx: Context): Promise<unknown> {
  const operation: Operation = api[name]
  const { namespace: slug, caller: known } = await authenticateForNamespace(ctx)
  const caller = { ...known, role: lowerOf(known.role, ctx.atMost) }
  const { opens, tableScope, minter } = caller
  assertMayCall(name, { ...caller, pinned: opens !== null }, 'namespace')
  const { ns, ...params } = raw.params
  const named = operation.route.includes('/{ns}/')
  if (named && ns !== slug) throw new PerSQLError('namespace_mismatch')
  const input = await validated(operation, named ? { ...raw, params } : raw)
  const namespace = namespaceObject(ctx.env, slug)
  if (operation.billed !== false) await namespace.charge()
  return run(ofNamespaces, name, input, {
    ...ctx,
    slug,
    caller,
    opens,
    tableScope,
    minter,
    actor: `token:${caller.tokenId}`,
    namespace,
  })
}

async function executeForOperator(name: keyof Api, raw: Raw, ctx: Context): Promise<unknown> {
  await authenticateOperator(ctx)
  return run(ofOperators, name, await validated(api[name], raw), ctx)
}

/** Nothing here is cached: who was removed or made less is so with the next request. */
async function executeForAccount(name: keyof Api, raw: Raw, ctx: Context): Promise<Reply> {
  const operation: Operation = api[name]
  const account = await authenticateAccount(ctx)
  if (operation.scope === 'account') {
    return answered(name, await run(ofAccounts, name, await validated(operation, raw), { ...ctx, account }))
  }
  const { ns: slug, ...params } = raw.params as { ns: string; db?: string }
  if (!isSlug(slug)) throw new PerSQLError('namespace_not_found', { namespace: slug.slice(0, 80) })
  const member = await accessOf(ctx, account, slug, params.db)
  assertMemberMayCall(name, member.role)
  const actor = `user:${account.userId}`
  if (isDatabaseOperation(name)) return executeAsMember(name, member, actor, raw, ctx)
  const input = await validated(operation, { ...raw, params })
  const namespace = namespaceObject(ctx.env, slug)
  const handlers = operation.scope === 'member' ? ofMembers : ofNamespaces
  return answered(name, await run(handlers, name, input, { ...ctx, slug, actor, member, namespace, ...unlimited }))
}

async function executeAsMember(
  operation: DatabaseOperation,
  { role }: MemberAccess,
  tokenId: string,
  raw: Raw,
  ctx: Context,
): Promise<Reply> {
  const { ns, db } = raw.params as { ns: string; db: string }
  const grant: Grant = { tokenId, role: databaseRole[role], tableScope: null, expiresAtMs: null }
  const grantText = JSON.stringify(grant)
  const body = await bodyFor(operation, raw, ctx, grantText)
  return callDatabase(ctx, operation, ns, db, grantText, body, await raw.replayKeys(body))
}

/** What a handler answered: of a list its items, and beside them where the next page begins. */
function answered(name: keyof Api, result: unknown): Reply {
  if (!isPaged(api[name])) return succeed(result)
  const { items, ...meta } = result as Listed<unknown>
  return succeed(items, meta)
}

/** The handler's own types were checked where the handlers are gathered. */
const run = (handlers: object, name: keyof Api, input: unknown, ctx: object): Promise<unknown> =>
  (handlers as Record<string, (input: unknown, ctx: object) => Promise<unknown>>)[name]?.(input, ctx) ??
  Promise.reject(new PerSQLError('internal'))

async function validated(operation: Operation, raw: Raw): Promise<unknown> {
  const text = hasBody(operation) && !operation.upload ? await raw.body() : ''
  const body = text === '' ? {} : parseObject(text)
  const result = operation.input.safeParse({ ...body, ...raw.params })
  if (result.success) return result.data
  const problem = result.error.issues.map(({ path, message }) =>
    path.length ? `"${path.join('.')}": ${message}` : message,
  )
  const fields = Object.fromEntries(result.error.issues.map(({ path, message }) => [path.join('.'), message]))
  throw new PerSQLError('invalid_input', { problem: `${problem.join('; ').slice(0, 1000)}.` }, { extra: { fields } })
}

/** A member is limited by roles alone, and what a member creates belongs to the namespace. */
const unlimited = { opens: null, tableScope: null, minter: null }
const hasBody = ({ route }: Operation) => /^(POST|PUT|PATCH)/.test(route)
