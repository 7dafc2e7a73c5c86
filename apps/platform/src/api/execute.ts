import {
  type Api,
  api,
  credentialAt,
  type EntryPoint,
  isPaged,
  isSlug,
  type Listed,
  type Operation,
  type Parsed,
  PerSQLError,
  type Role,
  route,
  type Scope,
} from '@persql/contract'
import { describeIssue, toFieldMessage, toSentence } from '@persql/endpoint-spec'
import { assertMayCall, databaseRole, getLowerRole, openToAll } from '../authority.ts'
import type { Context } from '../context.ts'
import type { Grant, ReplayKey } from '../database/calls/call.ts'
import { toCallAddress } from '../database/calls/call-address.ts'
import type { DatabaseOperation, ProtocolCall } from '../database/operations.ts'
import { callDatabase as callObject } from '../database-calls.ts'
import { disk } from '../disk-space.ts'
import { parseObject } from '../json-object.ts'
import type { MemberAccess } from '../namespace/tokens/admission.ts'
import { type Reply, refuseRequest, succeed, withRequestId } from '../reply.ts'
import { getPinned, hasBranches } from '../selection.ts'
import { explainFailure } from '../storage/sqlite-failures.ts'
import {
  authenticateAccount,
  authenticateForDatabase,
  authenticateForNamespace,
  authenticateOperator,
  forgetToken,
  getMemberAccess,
  toAdmitted,
} from './authenticate.ts'
import { assertRoomForOperation } from './disk-rules.ts'
import type { Admitted } from './grant-cache.ts'
import { reportDamage, toCallError } from './object-failure.ts'
import { namespaceObject } from './objects.ts'
import { accounts } from './operations/accounts.ts'
import { approvals } from './operations/approvals.ts'
import { billing } from './operations/billing.ts'
import { branches, handoffs } from './operations/branches.ts'
import { databases } from './operations/databases.ts'
import type {
  AccountHandlers,
  AnyoneHandlers,
  Handlers,
  MemberContext,
  MemberOperation,
  NamespaceHandlers,
  OperatorHandlers,
  SharedOperation,
  TokenContext,
  TokenOperation,
} from './operations/handlers.ts'
import { hostnames } from './operations/hostnames.ts'
import { members } from './operations/members.ts'
import { anyone, operator } from './operations/operator.ts'
import { packages } from './operations/packages.ts'
import { sessions } from './operations/sessions.ts'
import { tokens } from './operations/tokens.ts'

// Handlers keep their types until they are called. An operation without a handler doesn't compile.
const ofNamespaces: NamespaceHandlers = { ...databases, ...hostnames, ...tokens, ...billing, ...sessions, ...branches }
const ofTokens: Handlers<TokenOperation | SharedOperation, TokenContext> = ofNamespaces
const ofMembers: Handlers<MemberOperation | SharedOperation, MemberContext> = { ...ofNamespaces, ...members }
const ofAccounts: AccountHandlers = { ...accounts, ...approvals }
const ofOperators: OperatorHandlers = operator
const ofAnyone: AnyoneHandlers = { ...anyone, ...handoffs, ...packages }
const roles: ReadonlySet<Scope> = new Set<Role>(['readonly', 'readwrite', 'admin'])
// `NamespaceHandlers` has a handler for every operation with a token role that databases don't serve.
const databaseOperations: ReadonlySet<string> = new Set(
  (Object.keys(api) as (keyof Api)[]).filter(
    (name) => roles.has(api[name].scope) && !Object.hasOwn(ofNamespaces, name),
  ),
)
/** Returns whether databases serve an operation. */
export const isDatabaseOperation = (name: string): name is DatabaseOperation => databaseOperations.has(name)

/** The input of a request: parameters of path and query string, and the body as text. */
export interface RawInput {
  readonly params: Readonly<Record<string, unknown>>
  readonly body: () => Promise<string>
  /** Receives a body that is a file. Returns the input for the database. */
  readonly upload: (input: unknown, grant: Grant) => Promise<object>
  readonly replayKeys: (body: string) => Promise<readonly ReplayKey[] | undefined>
}

/** Runs an operation: authenticates, authorizes, bills, validates the input, calls the handler and shapes the response. */
export async function execute(name: keyof Api, door: EntryPoint, raw: RawInput, ctx: Context): Promise<Reply> {
  try {
    if (disk.level > 0) assertRoomForOperation(name)
    switch (credentialAt(door, api[name])) {
      case 'token':
        return await (isDatabaseOperation(name) ? executeOnDatabase(name, raw, ctx) : executeForToken(name, raw, ctx))
      case 'member':
        return await executeForMember(name, raw, ctx)
      case 'account':
        return await run(ofAccounts, name, raw, { ...ctx, account: await authenticateAccount(ctx) })
      case 'operator':
        await authenticateOperator(ctx)
        return await run(ofOperators, name, raw, ctx)
      case 'none':
        return await run(ofAnyone, name, raw, ctx)
    }
  } catch (cause) {
    return refuseRequest(await explainFailure(cause), ctx.requestId)
  }
}

/**
 * Runs an operation on a database. The database authorizes and bills the call where its statements run, so a warm call
 * is one call to one object. The body goes there as text, and the response is forwarded unchanged. Bodies with
 * statements are validated there too.
 */
async function executeOnDatabase(
  operation: DatabaseOperation | ProtocolCall,
  raw: RawInput,
  ctx: Context,
): Promise<Reply> {
  const { ns, db } = raw.params as { ns: string; db: string }
  if (!isSlug(ns) || !isSlug(db)) throw new PerSQLError('database_not_found', { database: db.slice(0, 80) })
  const known = authenticateForDatabase(ctx, ns, db)
  let admitted = lowered(known instanceof Promise ? await known : known, ctx)
  assertMayCallDatabase(operation, admitted)
  const body = isDatabaseOperation(operation) ? await bodyFor(operation, raw, ctx, admitted.grant) : await raw.body()
  const replayKeys = await raw.replayKeys(body)
  const { id } = raw.params as { id?: string }
  const isOfTransaction = isDatabaseOperation(operation) && api[operation].route.includes('/transactions/{id}')
  const transactionId = isOfTransaction ? id : undefined
  const call = () => callDatabase(ctx, operation, ns, db, admitted.text, body, replayKeys, transactionId)
  const reply = await call()
  if (reply.code !== 'database_not_found' && reply.code !== 'token_unknown') return reply
  // The cached database is gone, or the token has other access than in the cache. Authenticate again without the cache: a
  // call by an admin creates the database again.
  forgetToken(ctx)
  const cached = admitted
  admitted = lowered(await authenticateForDatabase(ctx, ns, db), ctx)
  if (reply.code === 'token_unknown' && admitted.text === cached.text) return reply
  assertMayCallDatabase(operation, admitted)
  return call()
}

/** Operations that a token with a list of operations needs for other protocols. */
const FOR_PROTOCOLS = ['query', 'batch', 'script', 'begin_transaction'] as const

function assertMayCallDatabase(operation: DatabaseOperation | ProtocolCall, admitted: Admitted): void {
  const { grant, operations, branches } = admitted
  if (operations !== null) {
    const missing = (isDatabaseOperation(operation) ? [operation] : FOR_PROTOCOLS).find((one) => !operations.has(one))
    if (missing !== undefined) throw new PerSQLError('operation_not_granted', { operation: missing })
  }
  // `query`, `batch` and other protocols are open to every token: the database checks each statement when it compiles it.
  if (!openToAll.has(operation) && isDatabaseOperation(operation))
    assertMayCall(operation, { ...grant, operations, branches }, 'database')
}

/**
 * Runs a request of another protocol on a database. The database authorizes its statements and bills the call, as for
 * operations.
 */
export async function executeProtocolCall(call: ProtocolCall, raw: RawInput, ctx: Context): Promise<Reply> {
  try {
    return await executeOnDatabase(call, raw, ctx)
  } catch (cause) {
    return refuseRequest(await explainFailure(cause), ctx.requestId)
  }
}

/**
 * Returns the body for the object: statements as they were sent, any other input validated, with the base URL for
 * links.
 */
function bodyFor(operation: DatabaseOperation, raw: RawInput, ctx: Context, grant: Grant): string | Promise<string> {
  const { parsedBy, upload }: Operation = api[operation]
  if (parsedBy === 'database') return hasBody(api[operation]) ? raw.body() : ''
  return validated(operation, raw).then(async (input) => {
    const file = upload && (await raw.upload(input, grant))
    return JSON.stringify({ ...input, baseUrl: ctx.baseUrl, upload: file })
  })
}

function lowered(known: Admitted, { atMost }: Context): Admitted {
  const { grant } = known
  return atMost === undefined ? known : toAdmitted({ ...grant, role: getLowerRole(grant.role, atMost) }, known)
}

async function callDatabase(
  ctx: Context,
  operation: DatabaseOperation | ProtocolCall,
  ns: string,
  db: string,
  grant: string,
  body: string,
  replayKeys: readonly ReplayKey[] | undefined,
  transactionId?: string,
): Promise<Reply> {
  const startedMs = Date.now()
  const address = toCallAddress(ns, db, ctx.sentRequestId, ctx.span?.traceparent, transactionId)
  try {
    const answer = await callObject(ctx.env, `${ns}/${db}`, [operation, address, grant, body, replayKeys])
    if (typeof answer === 'string') return { status: 200, body: answer }
    if (answer.code === 'database_damaged') await reportDamage(ctx, ns, db, `while running ${operation}`)
    return linked(withRequestId(answer, ctx.requestId), ctx.baseUrl)
  } catch (cause) {
    throw await toCallError(ctx, ns, db, startedMs, cause)
  }
}

/** Adds the approval link to an `approval_required` error. Databases don't know the base URL. */
function linked(reply: Reply, baseUrl: string): Reply {
  if (reply.code !== 'approval_required') return reply
  const refusal = JSON.parse(reply.body) as { approvalToken: string }
  const approvalUrl = `${baseUrl}/approve/${refusal.approvalToken}`
  return { ...reply, body: JSON.stringify({ ...refusal, approvalUrl }) }
}

async function executeForToken(name: keyof Api, raw: RawInput, ctx: Context): Promise<Reply> {
  const operation: Operation = api[name]
  const { namespace: slug, caller: known } = await authenticateForNamespace(ctx)
  const caller = { ...known, role: getLowerRole(known.role, ctx.atMost) }
  const { opens, tableScope, minter } = caller
  const operations = known.operations && new Set(known.operations)
  assertMayCall(name, { ...caller, operations, pinned: getPinned(opens), branches: hasBranches(opens) }, 'namespace')
  const { ns, ...params } = raw.params
  const isNamed = route(operation).params.includes('ns')
  if (isNamed && ns !== slug) throw new PerSQLError('namespace_mismatch')
  const namespace = namespaceObject(ctx.env, slug)
  if (opens !== null && typeof params.db === 'string') await namespace.getDatabase(params.db, opens)
  const actor = `token:${caller.tokenId}`
  const context = { ...ctx, slug, caller, opens, tableScope, minter, actor, namespace }
  const charge = async () => {
    if (operation.billed !== false) await namespace.charge()
  }
  return run(ofTokens, name, isNamed ? { ...raw, params } : raw, context, charge)
}

/**
 * Runs an operation for a signed-in member. Nothing is cached, so a removal or a lower role applies to the next
 * request.
 */
async function executeForMember(name: keyof Api, raw: RawInput, ctx: Context): Promise<Reply> {
  const account = await authenticateAccount(ctx)
  const { ns: slug, ...params } = raw.params as { ns: string; db?: string }
  if (!isSlug(slug)) throw new PerSQLError('namespace_not_found', { namespace: slug.slice(0, 80) })
  const member = await getMemberAccess(ctx, account, slug, params.db)
  assertMayCall(name, { signedIn: member.role }, isDatabaseOperation(name) ? 'database' : 'namespace')
  const actor = `user:${account.userId}`
  if (isDatabaseOperation(name)) return executeAsMember(name, member, actor, raw, ctx)
  const namespace = namespaceObject(ctx.env, slug)
  return run(ofMembers, name, { ...raw, params }, { ...ctx, slug, actor, member, namespace, ...unlimited })
}

async function executeAsMember(
  operation: DatabaseOperation,
  { role }: MemberAccess,
  tokenId: string,
  raw: RawInput,
  ctx: Context,
): Promise<Reply> {
  const { ns, db } = raw.params as { ns: string; db: string }
  const { grant, text } = toAdmitted({
    tokenId,
    role: databaseRole[role],
    memberRole: role,
    tableScope: null,
    expiresAtMs: null,
  })
  const body = await bodyFor(operation, raw, ctx, grant)
  return callDatabase(ctx, operation, ns, db, text, body, await raw.replayKeys(body))
}

/** Validates the input and calls the handler of an operation. `charge` runs in between. */
async function run<K extends keyof Api, C>(
  handlers: Handlers<K, C>,
  name: keyof Api,
  raw: RawInput,
  ctx: C,
  charge?: () => Promise<void>,
): Promise<Reply> {
  if (!isHandled(handlers, name)) throw new PerSQLError('internal')
  const input = await validated(name, raw)
  await charge?.()
  return answered(name, await handlers[name](input, ctx))
}

const isHandled = <K extends keyof Api>(handlers: Handlers<K, never>, name: keyof Api): name is K =>
  Object.hasOwn(handlers, name)

/** Creates the response from a handler's result. A list becomes `data`, with its cursor and total in `meta`. */
function answered(name: keyof Api, result: unknown): Reply {
  if (!isPaged(api[name])) return succeed(result)
  const { items, ...meta } = result as Listed<unknown>
  return succeed(items, meta)
}

async function validated<K extends keyof Api>(name: K, raw: RawInput): Promise<Parsed<Api[K]>> {
  const operation: Operation = api[name]
  const text = hasBody(operation) && !operation.upload ? await raw.body() : ''
  const body = text === '' ? {} : parseObject(text)
  const error = describeIssue(operation.input, Object.keys(raw.params))
  const result = operation.input.safeParse({ ...body, ...raw.params }, { error })
  if (result.success) return result.data as Parsed<Api[K]>
  const { issues } = result.error
  const problem = [...new Set(issues.map(toSentence))].join(' ').slice(0, 1000)
  const fields = Object.fromEntries(issues.map((issue) => [issue.path.join('.'), toFieldMessage(issue)]))
  throw new PerSQLError('invalid_input', { problem }, { extra: { fields } })
}

/** A member is limited by the role alone, and everything that a member creates belongs to the namespace. */
const unlimited = { opens: null, tableScope: null, minter: null }
const hasBody = ({ route }: Operation) => /^(POST|PUT|PATCH)/.test(route)
