import { api, type MemberRole, type Operation } from '@persql/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { oauthClient } from '../oauth.ts'

type Role = 'readonly' | 'readwrite' | 'admin'
type Name = keyof typeof api
const roles: Role[] = ['readonly', 'readwrite', 'admin']
const members: MemberRole[] = ['viewer', 'editor', 'admin', 'owner']

/** A credential, as it is shown: its access, or the code that refuses it everywhere. */
interface Credential {
  token: string
  /** The database that it is used at. */
  db?: string
  role?: Role
  isScoped?: true
  isPinned?: true
  member?: MemberRole
  refused?: string
  /** The only operations that it can call. */
  operations?: string[]
  /** Operations of the namespace that it can call although it is limited to some databases. */
  opened?: string[]
}

/**
 * A call of an operation: the role it needs, whether a token with a table scope (`t`) and a token that opens only some
 * databases (`d`) can make it, and a request that fails, if it does, after the caller was admitted.
 */
type Row = [role: Role | 'none', fit: '' | 't' | 'd' | 'td', request: string, body?: unknown]

const spec = { slug: 'made', name: 'One', kind: 'query', method: 'GET', sql: 'SELECT 1', input: [], output: 'rows' }
const appr = `appr_acme.main_${'a'.repeat(32)}`
const D = '/v1/db/acme/{db}'
const N = '/api/namespaces/acme'

const rows: { [name in Name]: Row } = {
  query: ['readonly', 'td', `POST ${D}/query`, { sql: 'SELECT * FROM t' }],
  batch: ['readonly', 'td', `POST ${D}/batch`, { statements: [{ sql: 'SELECT * FROM t' }] }],
  begin_transaction: ['readonly', 'td', `POST ${D}/transactions`, { mode: 'read' }],
  run_in_transaction: [
    ...(['readonly', 'td', `POST ${D}/transactions/none/statements`] as const),
    { step: 1, statements: [{ sql: 'SELECT * FROM t' }] },
  ],
  commit_transaction: ['readonly', 'td', `POST ${D}/transactions/none/commit`, {}],
  rollback_transaction: ['readonly', 'td', `POST ${D}/transactions/none/rollback`, {}],
  delete_transaction: ['readonly', 'td', `DELETE ${D}/transactions/none`],
  script: ['readonly', 'td', `POST ${D}/script`, { sql: 'SELECT * FROM t' }],
  cancel_query: ['readonly', 'td', `DELETE ${D}/queries/none`],
  list_tables: ['readonly', 'td', `GET ${D}/tables`],
  validate: ['readonly', 'td', `POST ${D}/validate`, { sql: 'SELECT * FROM t' }],
  explain: ['readonly', 'td', `POST ${D}/explain`, { sql: 'SELECT * FROM t' }],
  get_schema: ['readonly', 'td', `GET ${D}/schema`],
  list_databases: ['readonly', 'td', 'GET /v1/databases'],
  create_database: ['admin', '', 'POST /v1/databases', { slug: 'main' }],
  get_database: ['readonly', 'td', 'GET /v1/databases/{db}'],
  update_database: ['admin', 'd', 'PATCH /v1/databases/{db}', { name: 'Same' }],
  delete_database: ['admin', '', 'DELETE /v1/databases/none'],
  list_endpoints: ['readonly', 'td', `GET ${D}/endpoints`],
  create_endpoint: ['admin', 'td', `POST ${D}/endpoints`, { ...spec, sql: 'SELECT ?' }],
  get_endpoint: ['readonly', 'td', `GET ${D}/endpoints/none`],
  update_endpoint: ['admin', 'td', `PATCH ${D}/endpoints/none`, { name: 'Two' }],
  publish_endpoint: ['admin', 'td', `POST ${D}/endpoints/none/publish`, {}],
  pause_endpoint: ['admin', 'td', `POST ${D}/endpoints/none/pause`, {}],
  delete_endpoint: ['admin', 'td', `DELETE ${D}/endpoints/none`],
  list_endpoint_versions: ['readonly', 'td', `GET ${D}/endpoints/none/versions`],
  try_endpoint: ['admin', 'td', `POST ${D}/endpoints/none/try`, {}],
  rotate_session_key: ['admin', 'd', `POST ${D}/session_key/rotate`, {}],
  create_session: ['readwrite', '', 'POST /v1/sessions', { namespaceSlug: 'acme', databaseSlug: 'main', userId: 1 }],
  ask: ['readonly', 'td', `POST ${D}/ask`, { question: 'How many?' }],
  generate_sql: ['readonly', 'td', `POST ${D}/ai/sql`, { question: 'How many?' }],
  describe_tables: ['admin', 'td', `POST ${D}/ai/describe`, {}],
  get_docs: ['readonly', 'td', `GET ${D}/ai/docs`],
  put_docs: ['admin', 'd', `PUT ${D}/ai/docs`, { tables: [] }],
  list_hostnames: ['readonly', '', `GET ${D}/hostnames`],
  create_hostname: ['admin', '', `POST ${D}/hostnames`, { hostname: '127.0.0.1' }],
  refresh_hostname: ['admin', '', `POST ${D}/hostnames/gone.example.com/refresh`, {}],
  delete_hostname: ['admin', '', `DELETE ${D}/hostnames/gone.example.com`],
  advise_indexes: ['readonly', 'td', `POST ${D}/ai/indexes`, {}],
  get_insights: ['readonly', 'd', `GET ${D}/insights`],
  get_endpoint_traffic: ['readonly', 'd', `GET ${D}/endpoints/none/traffic`],
  claim_branch: ['admin', '', 'POST /v1/db/acme/none/claim_branch', {}],
  list_branches: ['readonly', '', `GET ${D}/branches`],
  put_branch: ['admin', '', 'PUT /v1/db/acme/none/branches/x', {}],
  update_branch: ['admin', '', `PATCH ${D}/branches/none`, {}],
  get_branch: ['readonly', '', `GET ${D}/branches/none`],
  delete_branch: ['admin', '', `DELETE ${D}/branches/none`],
  hand_off_branch: ['admin', '', `POST ${D}/branches/none/handoff`, {}],
  redeem_handoff: ['none', 'td', 'POST /v1/handoff/redeem', { token: 'none' }],
  fork_database: ['admin', '', `POST ${D}/fork`, { slug: 'main' }],
  diff_branch: ['admin', '', `GET ${D}/branches/none/diff`],
  merge_branch: ['admin', '', `POST ${D}/branches/none/merge`, {}],
  propose: ['readwrite', 'td', `POST ${D}/propose`, { sql: 'DELETE FROM t' }],
  apply: ['readwrite', 'td', `POST ${D}/apply`, { executionToken: 'none' }],
  list_approval_rules: ['admin', 'd', `GET ${D}/approval_rules`],
  create_approval_rule: ['admin', 'd', `POST ${D}/approval_rules`, { tableGlob: 'none', action: 'deny' }],
  delete_approval_rule: ['admin', 'd', `DELETE ${D}/approval_rules/none`],
  list_approvals: ['admin', 'd', `GET ${D}/approvals`],
  get_approval: ['readonly', 'td', `GET ${D}/approvals/${appr}`],
  redeem_approval: ['readwrite', 'td', `POST ${D}/redeem_approval`, { approvalToken: appr }],
  get_approval_request: ['none', 'td', `GET /api/approvals/${appr}`],
  approve_request: ['none', 'td', `POST /api/approvals/${appr}/approve`, {}],
  deny_request: ['none', 'td', `POST /api/approvals/${appr}/deny`, {}],
  list_snapshots: ['readonly', 'd', `GET ${D}/snapshots`],
  create_snapshot: ['admin', 'd', `POST ${D}/snapshots`, { label: 'x' }],
  delete_snapshot: ['admin', 'd', `DELETE ${D}/snapshots/none`],
  restore: ['admin', 'd', `POST ${D}/restore`, { snapshotId: 'snap_none' }],
  get_settings: ['readonly', 'd', `GET ${D}/settings`],
  update_settings: ['admin', 'd', `PATCH ${D}/settings`, { automaticSnapshots: true }],
  export_database: ['readonly', 'td', `GET ${D}/export?format=csv&table=t`],
  import_database: ['admin', 'td', `POST ${D}/import?format=csv&table=t`, 'n\n1\n'],
  get_import: ['readonly', 'd', `GET ${D}/import`],
  list_migrations: ['readonly', 'd', `GET ${D}/migrations`],
  create_migration: ['admin', 'd', `POST ${D}/migrations`, { name: 'x', sql: 'SELECT ?' }],
  update_migration: ['admin', 'd', `PATCH ${D}/migrations/none`, { sql: 'SELECT 2' }],
  delete_migration: ['admin', 'd', `DELETE ${D}/migrations/none`],
  apply_migration: ['admin', 'd', `POST ${D}/migrations/none/apply`, {}],
  try_migration: ['admin', 'd', `POST ${D}/migrations/none/try`, {}],
  list_schema_changes: ['readonly', 'd', `GET ${D}/schema_changes`],
  describe: ['readonly', 'td', `GET ${D}/describe`],
  set_description: ['admin', 'd', `PUT ${D}/describe`, { tables: [] }],
  search: ['readonly', 'td', `GET ${D}/search?q=t`],
  doctor: ['readonly', 'td', `GET ${D}/doctor`],
  subscribe: ['readonly', 'td', `GET ${D}/subscribe`],
  wait_for_changes: ['readonly', 'td', `GET ${D}/wait_for_changes?timeoutSec=0`],
  list_webhooks: ['admin', 'd', `GET ${D}/webhooks`],
  create_webhook: ['admin', 'td', `POST ${D}/webhooks`, { name: 'x', url: 'http://10.0.0.1/', tables: ['t'] }],
  get_webhook: ['admin', 'd', `GET ${D}/webhooks/none`],
  update_webhook: ['admin', 'd', `PATCH ${D}/webhooks/none`, { name: 'y' }],
  delete_webhook: ['admin', 'd', `DELETE ${D}/webhooks/none`],
  rotate_webhook_secret: ['admin', 'd', `POST ${D}/webhooks/none/rotate-secret`, {}],
  test_webhook: ['admin', 'd', `POST ${D}/webhooks/none/test`, {}],
  list_deliveries: ['admin', 'd', `GET ${D}/webhooks/none/deliveries`],
  replay_delivery: ['admin', 'd', `POST ${D}/webhooks/none/deliveries/evt_none/replay`, {}],
  list_schedules: ['readonly', 'td', `GET ${D}/schedules`],
  create_schedule: ['admin', 'td', `POST ${D}/schedules`, { name: 'x', sql: 'SELEC', intervalSec: 3600 }],
  update_schedule: ['admin', 'td', `PATCH ${D}/schedules/none`, { name: 'y' }],
  delete_schedule: ['admin', 'td', `DELETE ${D}/schedules/none`],
  run_schedule: ['admin', 'td', `POST ${D}/schedules/none/run`, {}],
  list_saved_queries: ['readonly', 'd', `GET ${D}/saved-queries`],
  create_saved_query: ['readwrite', 'd', `POST ${D}/saved-queries`, { name: 'x', sql: 'SELECT 1' }],
  update_saved_query: ['readwrite', 'd', `PATCH ${D}/saved-queries/none`, { sql: 'SELECT 2' }],
  delete_saved_query: ['readwrite', 'd', `DELETE ${D}/saved-queries/none`],
  list_tokens: ['admin', 'td', 'GET /v1/tokens'],
  get_token: ['admin', 'td', 'GET /v1/tokens/none'],
  create_token: ['admin', 'td', 'POST /v1/tokens', { name: 'child', tableScope: ['t'] }],
  revoke_token: ['admin', 'td', 'DELETE /v1/tokens/none'],
  rotate_token: ['admin', 'td', 'POST /v1/tokens/none/rotate', {}],
  get_me: ['readonly', 'td', 'GET /v1/me'],
  get_usage: ['readonly', '', 'GET /v1/usage'],
  list_quotas: ['readonly', '', 'GET /v1/quotas'],
  get_billing: ['readonly', '', 'GET /v1/billing'],
  top_up: ['admin', '', 'POST /v1/billing/topup', { amountUsd: 5 }],
  transfer_balance: ['admin', '', 'POST /v1/billing/transfer', { to: 'none', amountUsd: 5 }],
  list_my_namespaces: ['none', 'td', 'GET /api/namespaces'],
  create_my_namespace: ['none', 'td', 'POST /api/namespaces', { slug: 'mine' }],
  get_namespace: ['none', 'td', `GET ${N}`],
  delete_namespace: ['none', 'td', `DELETE ${N}`],
  list_members: ['none', 'td', `GET ${N}/members`],
  set_member_role: ['none', 'td', `PATCH ${N}/members/x`, { role: 'owner' }],
  remove_member: ['none', 'td', `DELETE ${N}/members/x`],
  list_invitations: ['none', 'td', `GET ${N}/invitations`],
  create_invitation: ['none', 'td', `POST ${N}/invitations`, { email: 'x@example.com', role: 'admin' }],
  revoke_invitation: ['none', 'td', `DELETE ${N}/invitations/x`],
  accept_invitation: ['none', 'td', 'POST /api/invitations/x/accept', {}],
  list_shares: ['none', 'td', `GET ${N}/databases/main/shares`],
  share_database: ['none', 'td', `POST ${N}/databases/main/shares`, { email: 'x@example.com', role: 'editor' }],
  unshare_database: ['none', 'td', `DELETE ${N}/databases/main/shares/x`],
  list_audit: ['none', 'td', `GET ${N}/audit`],
  list_oauth_grants: ['none', 'td', `GET ${N}/oauth_grants`],
  revoke_oauth_grant: ['none', 'td', `DELETE ${N}/oauth_grants/x`],
  create_namespace: ['none', 'td', 'POST /api/operator/namespaces', { slug: 'x', database: 'x', tokenName: 'x' }],
  list_namespaces: ['none', 'td', 'GET /api/operator/namespaces'],
  credit_namespace: ['none', 'td', 'POST /api/operator/namespaces/acme/credit', { amountUsd: 1, note: 'x' }],
  suspend_namespace: ['none', 'td', 'POST /api/operator/namespaces/acme/suspend', { note: 'x' }],
  resume_namespace: ['none', 'td', 'POST /api/operator/namespaces/acme/resume', { note: 'x' }],
  list_namespace_quotas: ['none', 'td', 'GET /api/operator/namespaces/acme/quotas'],
  set_namespace_quota: ['none', 'td', 'PUT /api/operator/namespaces/acme/quotas/databases', { limit: 1 }],
  invite_to_namespace: ['none', 'td', 'POST /api/operator/namespaces/acme/invite', { email: 'x@example.com' }],
  make_namespace_owner: ['none', 'td', 'POST /api/operator/namespaces/acme/owner', { email: 'x@example.com' }],
  get_status: ['none', 'td', 'GET /api/status'],
  list_packages: ['none', 'td', 'GET /api/packages'],
}

/** Codes that say that the caller is not admitted. */
const REFUSALS = new Set([
  'token_unknown',
  'token_audience',
  'token_pinned',
  'role_insufficient',
  'not_for_scoped_token',
  'table_out_of_scope',
  'namespace_mismatch',
  'operation_not_granted',
  'not_signed_in',
  'operator_only',
])

/** The code that an operation is refused with, or `open`. */
function expected(name: Name, { role, isScoped, isPinned, member, refused, operations, opened }: Credential): string {
  const { scope, console }: Operation = api[name]
  if (scope === 'member' || scope === 'account') return 'not_signed_in'
  if (scope === 'operator') return 'operator_only'
  if (scope === 'anyone') return 'open'
  if (refused) return refused
  const [needed, fit] = rows[name]
  if (needed !== scope) throw new Error(`${name} needs another role than the table says`)
  if (operations && !operations.includes(name) && name !== 'get_me') return 'operation_not_granted'
  if (roles.indexOf(role as Role) < roles.indexOf(needed as Role)) return 'role_insufficient'
  if (member && console && members.indexOf(member) < members.indexOf(console.role)) return 'role_insufficient'
  if (isPinned && !fit.includes('d') && !opened?.includes(name)) return 'token_pinned'
  return isScoped && !fit.includes('t') ? 'not_for_scoped_token' : 'open'
}

let platform: TestPlatform
let owner: Awaited<ReturnType<TestPlatform['signUp']>>
const credentials: Record<string, () => Promise<Credential>> = {
  'an admin token': async () => ({ token: (await mint({ role: 'admin' })).token, role: 'admin' }),
  'a readwrite token': async () => ({ token: (await mint({ role: 'readwrite' })).token, role: 'readwrite' }),
  'a readonly token': async () => ({ token: (await mint({ role: 'readonly' })).token, role: 'readonly' }),
  'an admin token with a table scope': async () => ({
    token: (await mint({ tableScope: ['t'] })).token,
    role: 'admin',
    isScoped: true,
  }),
  'a readonly token with a table scope': async () => ({
    token: (await mint({ role: 'readonly', tableScope: ['T'] })).token,
    role: 'readonly',
    isScoped: true,
  }),
  'a token for some databases': async () => ({
    token: (await mint({ databases: ['main', 'other'] })).token,
    role: 'admin',
    isPinned: true,
  }),
  'a token for some databases with a table scope': async () => ({
    token: (await mint({ databases: ['main'], tableScope: ['t'] })).token,
    role: 'admin',
    isPinned: true,
    isScoped: true,
  }),
  'a token for databases by a pattern': async () => ({
    token: (await mint({ databases: ['*'] })).token,
    role: 'admin',
    isPinned: true,
    opened: ['create_database', 'delete_database'],
  }),
  'a token with operations': async () => {
    const operations = ['query', 'create_snapshot', 'list_branches', 'get_usage', 'create_token']
    return { token: (await mint({ operations })).token, role: 'admin', operations }
  },
  'a token for some databases with operations': async () => {
    const operations = ['query', 'create_snapshot', 'list_branches', 'merge_branch', 'get_usage', 'create_session']
    const { token } = await mint({ databases: ['main'], branches: true, operations })
    return { token, role: 'admin', isPinned: true, operations, opened: operations }
  },
  'a child of a token for some databases, with operations that it lacks': async () => {
    const { token } = await mint({ databases: ['main'], branches: true })
    const body = { name: 'child', role: 'admin', operations: ['query', 'list_branches', 'merge_branch', 'get_usage'] }
    const child = await platform.request('/v1/tokens', { token, body })
    return { token: child.body.data.token, role: 'admin', isPinned: true, operations: ['query'] }
  },
  'a token of a branch': async () => {
    const { token, databaseSlug } = await claim({ ref: 'admin', role: 'admin' })
    return { token, db: databaseSlug, role: 'admin', isPinned: true }
  },
  'a token of a branch that a handoff gave': async () => {
    const { databaseSlug } = await claim({ ref: 'task', role: 'read' })
    const { body } = await owner.request(`${N}/databases/main/branches/task/handoff`, { body: { role: 'write' } })
    const redeemed = await platform.request('/v1/handoff/redeem', { body: { token: body.data.token } })
    return { token: redeemed.body.data.token, db: databaseSlug, role: 'readwrite', isPinned: true }
  },
  'a child of a token': async () => {
    const parent = await mint({ databases: ['main'], tableScope: ['t', 'u'] })
    const body = { name: 'child' }
    const child = await platform.request('/v1/tokens', { token: parent.token, body })
    return { token: child.body.data.token, role: 'admin', isPinned: true, isScoped: true }
  },
  'an app that is admin': async () => ({ token: await app({ role: 'admin' }), role: 'admin', member: 'owner' }),
  'an app that is readwrite': async () => ({
    token: await app({ role: 'readwrite' }),
    role: 'readwrite',
    member: 'owner',
  }),
  'an app that is readonly': async () => ({
    token: await app({ role: 'readonly' }),
    role: 'readonly',
    member: 'owner',
  }),
  'an app for one database': async () => ({
    token: await app({ role: 'admin', which: 'some', database: 'main' }),
    role: 'admin',
    member: 'owner',
    isPinned: true,
  }),
  'an app of an editor': async () => ({
    token: await app({ role: 'admin' }, await join('editor@example.com', 'editor')),
    role: 'admin',
    member: 'editor',
  }),
  'an app that was demoted with its member': async () => {
    const member = await join('less@example.com', 'editor')
    const client = oauthClient(platform, member)
    const flow = { namespace: 'acme', resource: `${platform.url}/v1`, choice: { role: 'admin' } }
    const { clientId, refresh } = await client.tokens(flow)
    await owner.request(`${N}/members/${member.userId}`, { method: 'PATCH', body: { role: 'viewer' } })
    const { body } = await client.refresh(clientId, refresh)
    return { token: body.access_token, role: 'readonly', member: 'viewer' }
  },
  'a token for MCP': async () => ({
    token: (await oauthClient(platform, owner).tokens({ choice: { role: 'admin' } })).access,
    refused: 'token_audience',
  }),
  'a revoked token': async () => {
    const { token, id } = await mint({})
    await owner.request(`${N}/tokens/${id}`, { method: 'DELETE' })
    return { token, refused: 'token_unknown' }
  },
  'the old secret of a rotated token': async () => {
    const { token, id } = await mint({})
    await owner.request(`${N}/tokens/${id}/rotate`, { body: {} })
    return { token, refused: 'token_unknown' }
  },
  'the new secret of a rotated token': async () => {
    const { id } = await mint({ tableScope: ['t'] })
    const { body } = await owner.request(`${N}/tokens/${id}/rotate`, { body: {} })
    return { token: body.data.token, role: 'admin', isScoped: true }
  },
  'a grandchild of a revoked token': async () => {
    const parent = await mint({})
    const body = { name: 'child' }
    const child = (await platform.request('/v1/tokens', { token: parent.token, body })).body.data
    const grandchild = (await platform.request('/v1/tokens', { token: child.token, body })).body.data
    await owner.request(`${N}/tokens/${parent.id}`, { method: 'DELETE' })
    return { token: grandchild.token, refused: 'token_unknown' }
  },
  'an expired token': async () => {
    const { token } = await mint({ expiresIn: 1 })
    await expect.poll(async () => (await platform.request('/v1/me', { token })).status).toBe(401)
    return { token, refused: 'token_unknown' }
  },
}

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_WELCOME_CREDIT_USD: '1000' } })
  owner = await platform.signUp('acme@example.com')
  await owner.request(`${N}/databases`, { body: { slug: 'other' } })
  for (const sql of ['CREATE TABLE t (n)', 'CREATE TABLE u (n)']) {
    await owner.request(`${N}/databases/main/query`, { body: { sql } })
  }
})
afterAll(() => platform.stop())

const mint = async (body: object) =>
  (await owner.request(`${N}/tokens`, { body: { name: 'x', ...body } })).body.data as { id: string; token: string }
const claim = async (body: object) =>
  (await owner.request(`${N}/databases/main/claim_branch`, { body })).body.data as {
    token: string
    databaseSlug: string
  }
const app = async (choice: Record<string, string>, session = owner) =>
  (await oauthClient(platform, session).tokens({ namespace: 'acme', resource: `${platform.url}/v1`, choice })).access

async function join(email: string, role: string) {
  const { body } = await owner.request(`${N}/invitations`, { body: { email, role } })
  const user = await platform.signUp(email)
  await user.request(`/api/invitations/${new URL(body.data.link).pathname.split('/').at(-1)}/accept`, { body: {} })
  return user
}

/** Makes the call; returns the code that refuses the caller, or `open` with what else went wrong on the server. */
async function verdict(name: Name, { token, db = 'main' }: Credential): Promise<string> {
  const [, , request, body] = rows[name]
  const [method = '', path = ''] = request.split(' ')
  const headers: Record<string, string> = typeof body === 'string' ? { 'content-type': 'text/csv' } : {}
  const answer = await platform.request(path.replace('{db}', db), { method, token, body, headers })
  const { code } = Object(answer.body) as { code?: string }
  if (REFUSALS.has(code ?? '')) return code as string
  const isSetUp = code === 'model_unavailable' || code === 'payments_unavailable'
  return answer.status < 500 || isSetUp ? 'open' : `${answer.status} ${code}`
}

test('every operation of the contract has a row', () => {
  expect(Object.keys(rows).sort()).toEqual(Object.keys(api).sort())
})

test.each(Object.keys(credentials))('%s calls every operation', async (kind) => {
  const credential = await (credentials[kind] as () => Promise<Credential>)()
  const [found, wanted]: Record<string, string>[] = [{}, {}]
  for (const name of Object.keys(rows) as Name[]) {
    Object.assign(found as object, { [name]: await verdict(name, credential) })
    Object.assign(wanted as object, { [name]: expected(name, credential) })
  }
  expect(found).toEqual(wanted)
})

test('a token that is limited to databases is refused at all others, for every operation of a database', async () => {
  const limited = { ...(await mint({ databases: ['other'] })), db: 'main' }
  const branch = { ...(await claim({ ref: 'elsewhere', role: 'admin' })), db: 'main' }
  for (const name of Object.keys(rows) as Name[]) {
    if (!rows[name][2].includes('{db}')) continue
    for (const credential of [limited, branch]) expect(await verdict(name, credential), name).toBe('token_pinned')
  }
})
