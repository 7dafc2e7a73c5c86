import { api, type MemberRole, type Operation } from '@persql/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

const roles = ['viewer', 'editor', 'admin', 'owner'] as const
type Session = Awaited<ReturnType<TestPlatform['signUp']>>
type Caller = (
  path: string,
  options?: { method?: string; body?: unknown },
) => Promise<{ status: number; body: { code?: string } }>

let platform: TestPlatform
let owner: Session
let guest: Session
const people = {} as Record<MemberRole, Session>
const tokens = {} as Record<'readonly' | 'readwrite' | 'admin', string>

beforeAll(async () => {
  platform = await startPlatform()
  owner = await platform.signUp('root@example.com')
  for (const role of roles) {
    people[role] = role === 'owner' ? owner : await join(`${role}@example.com`, role)
  }
  guest = await join('guest@example.com', 'viewer')
  for (const role of ['readonly', 'readwrite', 'admin'] as const) {
    const { body } = await owner.request('/api/namespaces/root/tokens', { body: { name: role, role } })
    tokens[role] = body.data.token
  }
  await owner.request('/api/namespaces/root/databases/main/query', { body: { sql: 'CREATE TABLE t (n)' } })
})
afterAll(() => platform.stop())

/** Creates a member of `root` with an invitation. */
async function join(email: string, role: string): Promise<Session> {
  const { body } = await owner.request('/api/namespaces/root/invitations', { body: { email, role } })
  const user = await platform.signUp(email)
  const secret = new URL(body.data.link).pathname.split('/').at(-1)
  const accepted = await user.request(`/api/invitations/${secret}/accept`, { body: {} })
  expect(accepted.body.data).toMatchObject({ slug: 'root', role })
  return user
}

let number = 0
const fresh = (prefix: string) => `${prefix}-${++number}`
const made: Record<string, (path: string, body: object) => Promise<string>> = {
  database: async () => {
    const slug = fresh('db')
    await owner.request('/api/namespaces/root/databases', { body: { slug } })
    return slug
  },
  token: async () => (await owner.request('/api/namespaces/root/tokens', { body: { name: 'x' } })).body.data.id,
  endpoint: async () => {
    const body = {
      slug: fresh('made'),
      name: 'One',
      kind: 'query',
      method: 'GET',
      sql: 'SELECT 1',
      input: [],
      output: 'rows',
    }
    await owner.request('/api/namespaces/root/databases/main/endpoints', { body })
    return body.slug
  },
  snapshot: async () => {
    const { body } = await owner.request('/api/namespaces/root/databases/main/snapshots', { body: { label: 'x' } })
    return body.data.id
  },
  branch: async () => {
    const ref = fresh('branch')
    await owner.request(`/api/namespaces/root/databases/main/branches/${ref}`, { method: 'PUT', body: {} })
    return ref
  },
  hostname: async () => {
    const hostname = `${fresh('host')}.example.com`
    await owner.request('/api/namespaces/root/databases/main/hostnames', { body: { hostname } })
    return hostname
  },
  migration: async () => {
    const body = { name: fresh('made'), sql: 'INSERT INTO t VALUES (1)' }
    return (await owner.request('/api/namespaces/root/databases/main/migrations', { body })).body.data.id
  },
  rule: async () => {
    const body = { tableGlob: fresh('none'), action: 'deny' }
    return (await owner.request('/api/namespaces/root/databases/main/approval_rules', { body })).body.data.id
  },
  webhook: async () => {
    const body = { name: 'x', url: 'https://example.com/', enabled: false }
    return (await owner.request('/api/namespaces/root/databases/main/webhooks', { body })).body.data.id
  },
  schedule: async () => {
    const body = { name: 'x', sql: 'SELECT 1', intervalSec: 3600, enabled: false }
    return (await owner.request('/api/namespaces/root/databases/main/schedules', { body })).body.data.id
  },
  saved: async () => {
    const body = { name: fresh('saved'), sql: 'SELECT 1' }
    return (await owner.request('/api/namespaces/root/databases/main/saved-queries', { body })).body.data.id
  },
  invitation: async () => {
    const body = { email: `${fresh('guest')}@example.com`, role: 'viewer' }
    return (await owner.request('/api/namespaces/root/invitations', { body })).body.data.id
  },
}
const make = (what: string): Promise<string> => made[what]?.('', {}) ?? Promise.reject(new Error(what))

type Call<R> = [role: R, call: (as: Caller) => ReturnType<Caller>]

/** Proposes a write and applies it. */
async function proposed(as: Caller, base: string) {
  const { body } = await as(`${base}/propose`, { body: { sql: 'INSERT INTO t VALUES (1)' } })
  const { executionToken = 'none' } = (body as { data?: { executionToken: string } }).data ?? {}
  return as(`${base}/apply`, { body: { executionToken } })
}

/** Calls about branches and snapshots, at either door. */
function branchCalls<R>(base: string, roles: { read: R; change: R; claim: R }): Record<string, Call<R>> {
  const path = `${base}/branches`
  const at = (suffix: string, options?: { method?: string; body?: unknown }) => async (as: Caller) =>
    as(`${path}/${await make('branch')}${suffix}`, options)
  return {
    claim_branch: [roles.claim, (as) => as(`${base}/claim_branch`, { body: {} })],
    fork_database: [roles.change, (as) => as(`${base}/fork`, { body: { slug: fresh('fork') } })],
    export_database: [roles.read, (as) => as(`${base}/export`)],
    import_database: [roles.claim, (as) => as(`${base}/import`, { body: 'SELECT 1;' })],
    get_import: [roles.read, (as) => as(`${base}/import`)],
    list_snapshots: [roles.read, (as) => as(`${base}/snapshots`)],
    create_snapshot: [roles.change, (as) => as(`${base}/snapshots`, { body: { label: 'x' } })],
    delete_snapshot: [
      roles.change,
      async (as) => as(`${base}/snapshots/${await make('snapshot')}`, { method: 'DELETE' }),
    ],
    restore: [roles.claim, async (as) => as(`${base}/restore`, { body: { snapshotId: await make('snapshot') } })],
    get_settings: [roles.read, (as) => as(`${base}/settings`)],
    update_settings: [
      roles.claim,
      (as) => as(`${base}/settings`, { method: 'PATCH', body: { automaticSnapshots: true } }),
    ],
    list_branches: [roles.read, (as) => as(path)],
    put_branch: [roles.change, (as) => as(`${path}/${fresh('ref')}`, { method: 'PUT', body: {} })],
    update_branch: [roles.change, at('', { method: 'PATCH', body: { ttlDays: 2 } })],
    get_branch: [roles.read, at('')],
    delete_branch: [roles.change, at('', { method: 'DELETE' })],
    hand_off_branch: [roles.claim, at('/handoff', { body: {} })],
    diff_branch: [roles.claim, at('/diff')],
    merge_branch: [roles.claim, at('/merge', { body: {} })],
  }
}

/** Calls that manage public endpoints, and of the model, at either door. */
function endpointCalls<R>(base: string, roles: { read: R; change: R; key: R }): Record<string, Call<R>> {
  const path = `${base}/endpoints`
  const spec = { name: 'One', kind: 'query', method: 'GET', sql: 'SELECT 1', input: [], output: 'rows' }
  const at = (suffix: string, options?: { method?: string; body?: unknown }) => async (as: Caller) =>
    as(`${path}/${await make('endpoint')}${suffix}`, options)
  return {
    list_endpoints: [roles.read, (as) => as(path)],
    create_endpoint: [roles.change, (as) => as(path, { body: { ...spec, slug: fresh('e') } })],
    get_endpoint: [roles.read, at('')],
    update_endpoint: [roles.change, at('', { method: 'PATCH', body: { name: 'Two' } })],
    publish_endpoint: [roles.change, at('/publish', { body: {} })],
    pause_endpoint: [roles.change, at('/pause', { body: {} })],
    delete_endpoint: [roles.change, at('', { method: 'DELETE' })],
    list_endpoint_versions: [roles.read, at('/versions')],
    get_endpoint_traffic: [roles.read, at('/traffic')],
    try_endpoint: [roles.change, at('/try', { body: {} })],
    get_docs: [roles.read, (as) => as(`${base}/ai/docs`)],
    put_docs: [roles.change, (as) => as(`${base}/ai/docs`, { method: 'PUT', body: { tables: [] } })],
    describe: [roles.read, (as) => as(`${base}/describe`)],
    set_description: [roles.change, (as) => as(`${base}/describe`, { method: 'PUT', body: { tables: [] } })],
    search: [roles.read, (as) => as(`${base}/search?q=t`)],
    doctor: [roles.read, (as) => as(`${base}/doctor`)],
    describe_tables: [roles.change, (as) => as(`${base}/ai/describe`, { body: {} })],
    ask: [roles.read, (as) => as(`${base}/ask`, { body: { question: 'How many?' } })],
    rotate_session_key: [roles.key, (as) => as(`${base}/session_key/rotate`, { body: {} })],
  }
}

/** Calls about changes and what follows from them, at either door. Every webhook that is made goes again. */
function changeCalls<R>(base: string, roles: { read: R; change: R }): Record<string, Call<R>> {
  const on =
    (what: 'webhook' | 'schedule') =>
    (suffix: string, options: { method?: string; body?: unknown } = {}) =>
    async (as: Caller) => {
      const path = `${base}/${what}s/${await make(what)}`
      const answer = await as(path + suffix, options)
      await owner.request(path.replace('/v1/db/root', '/api/namespaces/root/databases'), { method: 'DELETE' })
      return answer
    }
  const [webhook, schedule] = [on('webhook'), on('schedule')]
  const made = { webhook: { name: 'x', url: 'https://example.com/', enabled: false } }
  return {
    subscribe: [roles.read, (as) => as(`${base}/subscribe`)],
    wait_for_changes: [roles.read, (as) => as(`${base}/wait_for_changes?timeoutSec=0`)],
    list_webhooks: [roles.change, (as) => as(`${base}/webhooks`)],
    create_webhook: [roles.change, (as) => as(`${base}/webhooks`, { body: made.webhook })],
    get_webhook: [roles.change, webhook('')],
    update_webhook: [roles.change, webhook('', { method: 'PATCH', body: { name: 'y' } })],
    delete_webhook: [roles.change, webhook('', { method: 'DELETE' })],
    rotate_webhook_secret: [roles.change, webhook('/rotate-secret', { body: {} })],
    test_webhook: [roles.change, webhook('/test', { body: {} })],
    list_deliveries: [roles.change, webhook('/deliveries')],
    replay_delivery: [roles.change, webhook('/deliveries/evt_none/replay', { body: {} })],
    list_schedules: [roles.read, (as) => as(`${base}/schedules`)],
    create_schedule: [
      roles.change,
      (as) => as(`${base}/schedules`, { body: { name: 'x', sql: 'SELECT 1', intervalSec: 3600 } }),
    ],
    update_schedule: [roles.change, schedule('', { method: 'PATCH', body: { name: 'y' } })],
    delete_schedule: [roles.change, schedule('', { method: 'DELETE' })],
    run_schedule: [roles.change, schedule('/run', { body: {} })],
  }
}

/** Calls about migrations, at either door. */
function migrationCalls<R>(base: string, roles: { read: R; draft: R; apply: R }): Record<string, Call<R>> {
  const path = `${base}/migrations`
  const at = (suffix: string, options?: { method?: string; body?: unknown }) => async (as: Caller) =>
    as(`${path}/${await make('migration')}${suffix}`, options)
  return {
    list_migrations: [roles.read, (as) => as(path)],
    create_migration: [roles.draft, (as) => as(path, { body: { name: fresh('m'), sql: 'SELECT 1' } })],
    update_migration: [roles.draft, at('', { method: 'PATCH', body: { sql: 'SELECT 2' } })],
    delete_migration: [roles.draft, at('', { method: 'DELETE' })],
    apply_migration: [roles.apply, at('/apply', { body: {} })],
    try_migration: [roles.draft, at('/try', { body: {} })],
    list_schema_changes: [roles.read, (as) => as(`${base}/schema_changes?limit=1`)],
  }
}

/** Calls about saved queries, at either door. */
function savedQueryCalls<R>(base: string, roles: { read: R; change: R }): Record<string, Call<R>> {
  const path = `${base}/saved-queries`
  const at = (options: { method: string; body?: unknown }) => async (as: Caller) =>
    as(`${path}/${await make('saved')}`, options)
  return {
    list_saved_queries: [roles.read, (as) => as(path)],
    create_saved_query: [roles.change, (as) => as(path, { body: { name: fresh('q'), sql: 'SELECT 1' } })],
    update_saved_query: [roles.change, at({ method: 'PATCH', body: { sql: 'SELECT 2' } })],
    delete_saved_query: [roles.change, at({ method: 'DELETE' })],
  }
}

/** Calls about approvals, at either door. */
function approvalCalls<R>(base: string, roles: { see: R; change: R; ask: R; redeem: R }): Record<string, Call<R>> {
  const path = `${base}/approval_rules`
  const guess = `appr_root.main_${'a'.repeat(32)}`
  return {
    list_approval_rules: [roles.see, (as) => as(path)],
    create_approval_rule: [roles.change, (as) => as(path, { body: { tableGlob: fresh('none'), action: 'deny' } })],
    delete_approval_rule: [roles.change, async (as) => as(`${path}/${await make('rule')}`, { method: 'DELETE' })],
    list_approvals: [roles.see, (as) => as(`${base}/approvals`)],
    get_approval: [roles.ask, (as) => as(`${base}/approvals/${guess}`)],
    redeem_approval: [roles.redeem, (as) => as(`${base}/redeem_approval`, { body: { approvalToken: guess } })],
  }
}

/** The minimum role of each operation for signed-in users, from the concepts, and a call that would succeed. */
const signedIn: Record<string, [role: MemberRole, call: (as: Caller) => ReturnType<Caller>]> = {
  propose: [
    'editor',
    (as) => as('/api/namespaces/root/databases/main/propose', { body: { sql: 'INSERT INTO t VALUES (1)' } }),
  ],
  apply: ['editor', (as) => proposed(as, '/api/namespaces/root/databases/main')],
  query: ['viewer', (as) => as('/api/namespaces/root/databases/main/query', { body: { sql: 'SELECT * FROM t' } })],
  script: ['viewer', (as) => as('/api/namespaces/root/databases/main/script', { body: { sql: 'SELECT 1' } })],
  batch: [
    'viewer',
    (as) => as('/api/namespaces/root/databases/main/batch', { body: { statements: [{ sql: 'SELECT 1' }] } }),
  ],
  cancel_query: ['viewer', (as) => as('/api/namespaces/root/databases/main/queries/none', { method: 'DELETE' })],
  list_tables: ['viewer', (as) => as('/api/namespaces/root/databases/main/tables')],
  validate: ['viewer', (as) => as('/api/namespaces/root/databases/main/validate', { body: { sql: 'SELECT 1' } })],
  explain: ['viewer', (as) => as('/api/namespaces/root/databases/main/explain', { body: { sql: 'SELECT 1' } })],
  get_schema: ['viewer', (as) => as('/api/namespaces/root/databases/main/schema')],
  advise_indexes: ['editor', (as) => as('/api/namespaces/root/databases/main/ai/indexes', { body: {} })],
  get_insights: ['viewer', (as) => as('/api/namespaces/root/databases/main/insights')],
  list_databases: ['viewer', (as) => as('/api/namespaces/root/databases')],
  get_database: ['viewer', (as) => as('/api/namespaces/root/databases/main')],
  create_database: ['editor', (as) => as('/api/namespaces/root/databases', { body: { slug: fresh('made') } })],
  update_database: [
    'admin',
    (as) => as('/api/namespaces/root/databases/main', { method: 'PATCH', body: { name: 'main' } }),
  ],
  delete_database: [
    'admin',
    async (as) => as(`/api/namespaces/root/databases/${await make('database')}`, { method: 'DELETE' }),
  ],
  list_hostnames: ['viewer', (as) => as('/api/namespaces/root/databases/main/hostnames')],
  create_hostname: [
    'editor',
    (as) => as('/api/namespaces/root/databases/main/hostnames', { body: { hostname: `${fresh('host')}.example.com` } }),
  ],
  refresh_hostname: [
    'editor',
    (as) => as('/api/namespaces/root/databases/main/hostnames/gone.example.com/refresh', { method: 'POST' }),
  ],
  delete_hostname: [
    'editor',
    async (as) => as(`/api/namespaces/root/databases/main/hostnames/${await make('hostname')}`, { method: 'DELETE' }),
  ],
  list_tokens: ['admin', (as) => as('/api/namespaces/root/tokens')],
  get_token: ['admin', async (as) => as(`/api/namespaces/root/tokens/${await make('token')}`)],
  create_token: ['admin', (as) => as('/api/namespaces/root/tokens', { body: { name: 'x' } })],
  revoke_token: ['admin', async (as) => as(`/api/namespaces/root/tokens/${await make('token')}`, { method: 'DELETE' })],
  rotate_token: ['admin', async (as) => as(`/api/namespaces/root/tokens/${await make('token')}/rotate`, { body: {} })],
  get_usage: ['viewer', (as) => as('/api/namespaces/root/usage')],
  list_quotas: ['viewer', (as) => as('/api/namespaces/root/quotas')],
  get_billing: ['owner', (as) => as('/api/namespaces/root/billing')],
  top_up: ['owner', (as) => as('/api/namespaces/root/billing/topup', { body: { amountUsd: 5 } })],
  transfer_balance: [
    'owner',
    (as) => as('/api/namespaces/root/billing/transfer', { body: { to: 'none', amountUsd: 5 } }),
  ],
  get_namespace: ['viewer', (as) => as('/api/namespaces/root')],
  list_members: ['viewer', (as) => as('/api/namespaces/root/members')],
  set_member_role: [
    'admin',
    (as) => as(`/api/namespaces/root/members/${guest.userId}`, { method: 'PATCH', body: { role: 'editor' } }),
  ],
  remove_member: [
    'admin',
    async (as) => {
      const { userId } = await join(`${fresh('guest')}@example.com`, 'viewer')
      return as(`/api/namespaces/root/members/${userId}`, { method: 'DELETE' })
    },
  ],
  list_invitations: ['admin', (as) => as('/api/namespaces/root/invitations')],
  create_invitation: [
    'admin',
    (as) =>
      as('/api/namespaces/root/invitations', { body: { email: `${fresh('guest')}@example.com`, role: 'viewer' } }),
  ],
  revoke_invitation: [
    'admin',
    async (as) => as(`/api/namespaces/root/invitations/${await make('invitation')}`, { method: 'DELETE' }),
  ],
  list_shares: ['admin', (as) => as('/api/namespaces/root/databases/main/shares')],
  share_database: [
    'admin',
    (as) => as('/api/namespaces/root/databases/main/shares', { body: { email: 'editor@example.com', role: 'viewer' } }),
  ],
  unshare_database: [
    'admin',
    (as) => as(`/api/namespaces/root/databases/main/shares/${people.editor.userId}`, { method: 'DELETE' }),
  ],
  ...branchCalls<MemberRole>('/api/namespaces/root/databases/main', {
    read: 'viewer',
    change: 'editor',
    claim: 'admin',
  }),
  ...endpointCalls<MemberRole>('/api/namespaces/root/databases/main', {
    read: 'viewer',
    change: 'editor',
    key: 'admin',
  }),
  ...migrationCalls<MemberRole>('/api/namespaces/root/databases/main', {
    read: 'viewer',
    draft: 'editor',
    apply: 'admin',
  }),
  ...approvalCalls<MemberRole>('/api/namespaces/root/databases/main', {
    see: 'viewer',
    change: 'admin',
    ask: 'viewer',
    redeem: 'editor',
  }),
  ...changeCalls<MemberRole>('/api/namespaces/root/databases/main', { read: 'viewer', change: 'editor' }),
  ...savedQueryCalls<MemberRole>('/api/namespaces/root/databases/main', { read: 'viewer', change: 'editor' }),
  generate_sql: [
    'editor',
    (as) => as('/api/namespaces/root/databases/main/ai/sql', { body: { question: 'How many?' } }),
  ],
  list_audit: ['admin', (as) => as('/api/namespaces/root/audit?limit=5')],
  list_oauth_grants: ['viewer', (as) => as('/api/namespaces/root/oauth_grants')],
  revoke_oauth_grant: ['viewer', (as) => as('/api/namespaces/root/oauth_grants/none', { method: 'DELETE' })],
  delete_namespace: ['owner', async () => ({ status: 200, body: {} })],
}

/** The same for tokens. */
const withToken: Record<string, [role: keyof typeof tokens, call: (as: Caller) => ReturnType<Caller>]> = {
  propose: ['readwrite', (as) => as('/v1/db/root/main/propose', { body: { sql: 'INSERT INTO t VALUES (1)' } })],
  apply: ['readwrite', (as) => proposed(as, '/v1/db/root/main')],
  query: ['readonly', (as) => as('/v1/db/root/main/query', { body: { sql: 'SELECT 1' } })],
  batch: ['readonly', (as) => as('/v1/db/root/main/batch', { body: { statements: [{ sql: 'SELECT 1' }] } })],
  script: ['readonly', (as) => as('/v1/db/root/main/script', { body: { sql: 'SELECT 1' } })],
  begin_transaction: ['readonly', (as) => as('/v1/db/root/main/transactions', { body: { mode: 'read' } })],
  run_in_transaction: [
    'readonly',
    (as) =>
      as('/v1/db/root/main/transactions/none/statements', { body: { step: 1, statements: [{ sql: 'SELECT 1' }] } }),
  ],
  commit_transaction: ['readonly', (as) => as('/v1/db/root/main/transactions/none/commit', { method: 'POST' })],
  rollback_transaction: ['readonly', (as) => as('/v1/db/root/main/transactions/none/rollback', { method: 'POST' })],
  delete_transaction: ['readonly', (as) => as('/v1/db/root/main/transactions/none', { method: 'DELETE' })],
  cancel_query: ['readonly', (as) => as('/v1/db/root/main/queries/none', { method: 'DELETE' })],
  list_tables: ['readonly', (as) => as('/v1/db/root/main/tables')],
  validate: ['readonly', (as) => as('/v1/db/root/main/validate', { body: { sql: 'SELECT 1' } })],
  explain: ['readonly', (as) => as('/v1/db/root/main/explain', { body: { sql: 'SELECT 1' } })],
  get_schema: ['readonly', (as) => as('/v1/db/root/main/schema')],
  advise_indexes: ['readonly', (as) => as('/v1/db/root/main/ai/indexes', { body: {} })],
  get_insights: ['readonly', (as) => as('/v1/db/root/main/insights?hours=1')],
  list_databases: ['readonly', (as) => as('/v1/databases')],
  get_database: ['readonly', (as) => as('/v1/databases/main')],
  create_database: ['admin', (as) => as('/v1/databases', { body: { slug: fresh('made') } })],
  update_database: ['admin', (as) => as('/v1/databases/main', { method: 'PATCH', body: { name: 'main' } })],
  delete_database: ['admin', async (as) => as(`/v1/databases/${await make('database')}`, { method: 'DELETE' })],
  list_hostnames: ['readonly', (as) => as('/v1/db/root/main/hostnames')],
  create_hostname: [
    'admin',
    (as) => as('/v1/db/root/main/hostnames', { body: { hostname: `${fresh('host')}.example.com` } }),
  ],
  refresh_hostname: ['admin', (as) => as('/v1/db/root/main/hostnames/gone.example.com/refresh', { method: 'POST' })],
  delete_hostname: [
    'admin',
    async (as) => as(`/v1/db/root/main/hostnames/${await make('hostname')}`, { method: 'DELETE' }),
  ],
  list_tokens: ['admin', (as) => as('/v1/tokens')],
  get_token: ['admin', async (as) => as(`/v1/tokens/${await make('token')}`)],
  create_token: ['admin', (as) => as('/v1/tokens', { body: { name: 'x' } })],
  revoke_token: ['admin', async (as) => as(`/v1/tokens/${await make('token')}`, { method: 'DELETE' })],
  rotate_token: ['admin', async (as) => as(`/v1/tokens/${await make('token')}/rotate`, { body: {} })],
  get_me: ['readonly', (as) => as('/v1/me')],
  get_usage: ['readonly', (as) => as('/v1/usage')],
  list_quotas: ['readonly', (as) => as('/v1/quotas')],
  get_billing: ['readonly', (as) => as('/v1/billing')],
  top_up: ['admin', (as) => as('/v1/billing/topup', { body: { amountUsd: 5 } })],
  transfer_balance: ['admin', (as) => as('/v1/billing/transfer', { body: { to: 'none', amountUsd: 5 } })],
  ...branchCalls<keyof typeof tokens>('/v1/db/root/main', { read: 'readonly', change: 'admin', claim: 'admin' }),
  ...endpointCalls<keyof typeof tokens>('/v1/db/root/main', { read: 'readonly', change: 'admin', key: 'admin' }),
  ...migrationCalls<keyof typeof tokens>('/v1/db/root/main', { read: 'readonly', draft: 'admin', apply: 'admin' }),
  ...approvalCalls<keyof typeof tokens>('/v1/db/root/main', {
    see: 'admin',
    change: 'admin',
    ask: 'readonly',
    redeem: 'readwrite',
  }),
  ...changeCalls<keyof typeof tokens>('/v1/db/root/main', { read: 'readonly', change: 'admin' }),
  ...savedQueryCalls<keyof typeof tokens>('/v1/db/root/main', { read: 'readonly', change: 'readwrite' }),
  generate_sql: ['readonly', (as) => as('/v1/db/root/main/ai/sql', { body: { question: 'How many?' } })],
  create_session: [
    'readwrite',
    (as) => as('/v1/sessions', { body: { namespaceSlug: 'root', databaseSlug: 'main', userId: '1' } }),
  ],
}

const operations: [string, Operation][] = Object.entries(api)
/** Responses to allowed callers that aren't 200: errors if payments, the AI model or the object is missing. */
const exceptions: Record<string, [number, string | undefined]> = {
  begin_transaction: [201, undefined],
  cancel_query: [404, 'query_not_found'],
  run_in_transaction: [410, 'transaction_expired'],
  commit_transaction: [410, 'transaction_expired'],
  top_up: [503, 'payments_unavailable'],
  transfer_balance: [404, 'namespace_not_found'],
  ask: [503, 'model_unavailable'],
  generate_sql: [503, 'model_unavailable'],
  describe_tables: [503, 'model_unavailable'],
  refresh_hostname: [404, 'hostname_not_found'],
  revoke_oauth_grant: [404, 'oauth_grant_not_found'],
  get_approval: [404, 'approval_not_found'],
  redeem_approval: [404, 'approval_not_found'],
  subscribe: [426, 'upgrade_required'],
  replay_delivery: [404, 'delivery_not_found'],
}
const allowed = (name: string) => exceptions[name] ?? [200, undefined]
const outcome = async (call: ReturnType<Caller>) => {
  const { status, body } = await call
  return [status, body.code]
}

test('every operation stands in the tables', () => {
  const sessions = operations.filter(([, { scope, console }]) => scope === 'member' || console)
  expect(Object.keys(signedIn).sort()).toEqual(sessions.map(([name]) => name).sort())
  const bearers = operations.filter(([, { scope }]) => ['readonly', 'readwrite', 'admin'].includes(scope))
  expect(Object.keys(withToken).sort()).toEqual(bearers.map(([name]) => name).sort())
})

describe.each(roles)('signed in as %s', (role) => {
  test.each(Object.entries(signedIn).map(([name, [needed, call]]) => ({ name, needed, call })))(
    '$name asks for $needed',
    async ({ name, needed, call }) => {
      const may = roles.indexOf(role) >= roles.indexOf(needed)
      if (name === 'delete_namespace') return void (await deleting(role, may))
      expect(await outcome(call(people[role].request))).toEqual(may ? allowed(name) : [403, 'role_insufficient'])
    },
  )
})

describe.each(['readonly', 'readwrite', 'admin'] as const)('with a token that is %s', (role) => {
  const ranks = Object.keys({ readonly: 0, readwrite: 1, admin: 2 })
  test.each(Object.entries(withToken).map(([name, [needed, call]]) => ({ name, needed, call })))(
    '$name asks for $needed',
    async ({ name, needed, call }) => {
      const as: Caller = (path, options) => platform.request(path, { ...options, token: tokens[role] })
      const may = ranks.indexOf(role) >= ranks.indexOf(needed)
      expect(await outcome(call(as))).toEqual(may ? allowed(name) : [403, 'role_insufficient'])
    },
  )
})

async function deleting(role: MemberRole, may: boolean) {
  const slug = fresh('doomed')
  await owner.request('/api/namespaces', { body: { slug } })
  if (role !== 'owner') {
    const body = { email: people[role].email, role }
    const { data } = (await owner.request(`/api/namespaces/${slug}/invitations`, { body })).body
    await people[role].request(`/api/invitations/${data.link.split('/').at(-1)}/accept`, { body: {} })
  }
  const call = people[role].request(`/api/namespaces/${slug}`, { method: 'DELETE' })
  expect(await outcome(call)).toEqual(may ? [200, undefined] : [403, 'role_insufficient'])
}

test('a namespace does not exist for users who are not members', async () => {
  const stranger = await platform.signUp('stranger@example.com')
  for (const [name, [, call]] of Object.entries(signedIn)) {
    if (name === 'delete_namespace') continue
    expect(await outcome(call(stranger.request)), name).toEqual([404, 'namespace_not_found'])
  }
})

test('a cookie opens no door for tokens, and a token none for people', async () => {
  expect((await owner.request('/v1/me')).body.code).toBe('token_missing')
  const { body } = await platform.request('/api/namespaces/root', { token: tokens.admin })
  expect(body.code).toBe('not_signed_in')
})

test('a refused write names the role of the member, or that of the token', async () => {
  const write = { sql: 'INSERT INTO t VALUES (1)' }
  const asMember = await people.viewer.request('/api/namespaces/root/databases/main/query', { body: write })
  expect([asMember.status, asMember.body.error]).toEqual([403, 'The role "viewer" isn\'t allowed to change data.'])
  const asToken = await platform.request('/v1/db/root/main/query', { body: write, token: tokens.readonly })
  expect([asToken.status, asToken.body.error]).toEqual([403, 'The role "readonly" isn\'t allowed to change data.'])
})
