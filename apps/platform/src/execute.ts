import { type Api, api, type Operation, type Output, type Parsed, PerSQLError, type Scope } from '@persql/contract'
import { authenticateForDatabase, authenticateForNamespace, authenticateOperator, forgetToken } from './authenticate.ts'
import type { Context } from './context.ts'
import type { DatabaseOperation, ReplayKey } from './database/call.ts'
import type { Caller, Namespace } from './namespace/object.ts'
import { databaseObject, namespaceObject, type Remote } from './objects.ts'
import { billing } from './operations/billing.ts'
import { databases } from './operations/databases.ts'
import { operator } from './operations/operator.ts'
import { tokens } from './operations/tokens.ts'
import { type Reply, refuse, succeed } from './reply.ts'

type OperatorOperation = 'create_namespace' | 'list_namespaces'
export type NamespaceOperation = Exclude<keyof Api, DatabaseOperation | OperatorOperation>

/** What a handler of a namespace has at hand. The caller is authenticated, its role checked, the request charged. */
interface NamespaceContext extends Context {
  readonly slug: string
  readonly caller: Caller
  /** Who is calling, for the audit log: `token:<id>` or `user:<id>`. */
  readonly actor: string
  readonly namespace: Remote<Namespace>
}

type Handler<K extends keyof Api, C> = (input: Parsed<Api[K]>, ctx: C) => Promise<Output<Api[K]>>
export type NamespaceHandlers = { [K in NamespaceOperation]: Handler<K, NamespaceContext> }
export type OperatorHandlers = { [K in OperatorOperation]: Handler<K, Context> }

const handlers = { ...databases, ...tokens, ...billing } satisfies NamespaceHandlers
const databaseOperations: ReadonlySet<string> = new Set<DatabaseOperation>([
  'query',
  'batch',
  'list_tables',
  'validate',
  'explain',
  'get_schema',
])
const rank: Record<Scope, number> = { readonly: 0, readwrite: 1, admin: 2, operator: 3 }

/** What a surface gathered from a request: parameters of path and query, and the body as text. */
export interface Raw {
  readonly params: Readonly<Record<string, unknown>>
  readonly body: () => Promise<string>
  readonly replayKeys: (body: string) => Promise<readonly ReplayKey[] | undefined>
}

/** The one road to a handler: authenticate, authorise, charge, validate, run, and shape whatever comes of it. */
export async function execute(name: keyof Api, raw: Raw, ctx: Context): Promise<Reply> {
  try {
    if (databaseOperations.has(name)) return await executeOnDatabase(name as DatabaseOperation, raw, ctx)
    return succeed(
      await (isOperator(name)
        ? executeAsOperator(name, raw, ctx)
        : executeInNamespace(name as NamespaceOperation, raw, ctx)),
    )
  } catch (cause) {
    return refuse(cause)
  }
}

/**
 * A database checks, charges and validates by itself, where its statements run, so that a warm call is one call to one
 * object; the body goes there as text, and what comes back is sent as it is.
 */
async function executeOnDatabase(operation: DatabaseOperation, raw: Raw, ctx: Context): Promise<Reply> {
  const { ns, db } = raw.params as { ns: string; db: string }
  if (!SLUG.test(ns) || !SLUG.test(db)) throw new PerSQLError('database_not_found', { database: db.slice(0, 80) })
  const known = authenticateForDatabase(ctx, ns, db)
  let grant = known instanceof Promise ? await known : known
  const body = api[operation].route.startsWith('POST') ? await raw.body() : ''
  const replayKeys = await raw.replayKeys(body)
  const call = () => callDatabase(ctx, operation, ns, db, grant, body, replayKeys)
  const reply = await call()
  if (reply.code === 'token_unknown') forgetToken(ctx)
  if (reply.code !== 'database_not_found') return reply
  // The database was there when the cache learned of it. Ask anew: an admin's call makes it again.
  forgetToken(ctx)
  grant = await authenticateForDatabase(ctx, ns, db)
  return call()
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
    return typeof answer === 'string' ? { status: 200, body: answer } : answer
  } catch (cause) {
    const seconds = ctx.settings.queryTimeoutMs / 1000
    const timedOut = Date.now() - startedMs >= ctx.settings.queryTimeoutMs
    throw new PerSQLError(timedOut ? 'query_timeout' : 'unavailable', { seconds }, { cause })
  }
}

async function executeInNamespace(name: NamespaceOperation, raw: Raw, ctx: Context): Promise<unknown> {
  const operation: Operation = api[name]
  const { namespace: slug, caller } = await authenticateForNamespace(ctx)
  if (rank[caller.role] < rank[operation.scope]) {
    throw new PerSQLError('role_insufficient', { role: caller.role, action: `call ${name}` })
  }
  const input = await validated(operation, raw)
  const namespace = namespaceObject(ctx.env, slug)
  if (operation.billed !== false) await namespace.charge()
  const handler = handlers[name] as (input: unknown, ctx: NamespaceContext) => Promise<unknown>
  return handler(input, { ...ctx, slug, caller, actor: `token:${caller.tokenId}`, namespace })
}

async function executeAsOperator(name: OperatorOperation, raw: Raw, ctx: Context): Promise<unknown> {
  await authenticateOperator(ctx)
  const input = await validated(api[name], raw)
  return (operator[name] as (input: unknown, ctx: Context) => Promise<unknown>)(input, ctx)
}

async function validated(operation: Operation, raw: Raw): Promise<unknown> {
  const hasBody = /^(POST|PUT|PATCH)/.test(operation.route)
  const body = hasBody ? parseBody(await raw.body()) : {}
  const result = operation.input.safeParse({ ...body, ...raw.params })
  if (result.success) return result.data
  const problem = result.error.issues.map(({ path, message }) =>
    path.length ? `"${path.join('.')}": ${message}` : message,
  )
  throw new PerSQLError('invalid_input', { problem: `${problem.join('; ').slice(0, 1000)}.` })
}

function parseBody(text: string): Record<string, unknown> {
  if (text === '') return {}
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (cause) {
    throw new PerSQLError('invalid_json', {}, { cause })
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new PerSQLError('invalid_input', { problem: 'The body must be a JSON object.' })
  }
  return body as Record<string, unknown>
}

const SLUG = /^[a-z][a-z0-9-]{0,62}$/
const isOperator = (name: keyof Api): name is OperatorOperation => api[name].scope === 'operator'
