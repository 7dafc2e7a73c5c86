import { type Api, api } from '@persql/contract'
import * as z from 'zod'

/** The tool groups for `?tools=`. */
export const groups = ['core', 'branches', 'endpoints', 'billing', 'admin'] as const
export type Group = (typeof groups)[number]

/** A tool: an operation of the contract with a name for agents. All other properties come from the operation. */
export interface Row {
  readonly group: Group
  readonly operation: keyof Api
  /** Default: the operation's summary. */
  readonly description?: string
  /** The tool can delete or overwrite data. Operations with the method DELETE are destructive by default. */
  readonly destructive?: true
  /** The tool calls services outside this instance: an AI model, payments, DNS. */
  readonly openWorld?: true
  /** Arguments whose name differs from the field; `db` is always `database`. */
  readonly rename?: Readonly<Record<string, string>>
  /** An input schema to use instead of the operation's, with `convert` to that one. */
  readonly input?: z.ZodObject
  readonly convert?: (input: Record<string, unknown>) => Record<string, unknown>
}

const restore = api.restore.input.shape

/** Every tool by name. A new operation needs a row here or in the exceptions below. */
export const table: Readonly<Record<string, Row>> = {
  query: { group: 'core', operation: 'query', description: 'Run one SQLite statement', destructive: true },
  batch: {
    group: 'core',
    operation: 'batch',
    description: 'Run up to 100 statements, one by one or in one transaction',
    destructive: true,
  },
  list_databases: { group: 'core', operation: 'list_databases' },
  list_tables: { group: 'core', operation: 'list_tables' },
  get_schema: { group: 'core', operation: 'get_schema' },
  describe: { group: 'core', operation: 'describe' },
  search: { group: 'core', operation: 'search' },
  doctor: { group: 'core', operation: 'doctor' },
  get_docs: { group: 'core', operation: 'get_docs' },
  validate: { group: 'core', operation: 'validate' },
  explain: { group: 'core', operation: 'explain' },
  ask: { group: 'core', operation: 'ask', openWorld: true },
  generate_sql: { group: 'core', operation: 'generate_sql', openWorld: true },
  advise_indexes: { group: 'core', operation: 'advise_indexes' },
  get_insights: { group: 'core', operation: 'get_insights' },
  propose_mutation: { group: 'core', operation: 'propose' },
  apply_mutation: { group: 'core', operation: 'apply', destructive: true },
  get_approval: { group: 'core', operation: 'get_approval' },
  redeem_approval: { group: 'core', operation: 'redeem_approval', destructive: true },
  get_me: { group: 'core', operation: 'get_me' },

  wait_for_changes: { group: 'core', operation: 'wait_for_changes' },

  claim_branch: { group: 'branches', operation: 'claim_branch', destructive: true },
  list_branches: { group: 'branches', operation: 'list_branches' },
  get_branch: { group: 'branches', operation: 'get_branch' },
  put_branch: { group: 'branches', operation: 'put_branch', destructive: true },
  update_branch: { group: 'branches', operation: 'update_branch' },
  diff_branch: { group: 'branches', operation: 'diff_branch' },
  merge_branch: { group: 'branches', operation: 'merge_branch', destructive: true },
  delete_branch: { group: 'branches', operation: 'delete_branch' },
  hand_off_branch: { group: 'branches', operation: 'hand_off_branch' },
  redeem_handoff: { group: 'branches', operation: 'redeem_handoff' },
  fork_database: { group: 'branches', operation: 'fork_database' },
  list_snapshots: { group: 'branches', operation: 'list_snapshots' },
  create_snapshot: { group: 'branches', operation: 'create_snapshot' },
  delete_snapshot: { group: 'branches', operation: 'delete_snapshot' },
  restore_snapshot: {
    group: 'branches',
    operation: 'restore',
    destructive: true,
    input: api.restore.input.pick({ ns: true, db: true, snapshotId: true }).required(),
  },
  restore_to_time: {
    group: 'branches',
    operation: 'restore',
    description: 'Restore the database to its latest snapshot at or before a time (ISO 8601)',
    destructive: true,
    input: z.strictObject({ ns: restore.ns, db: restore.db, time: z.iso.datetime({ offset: true }) }),
    convert: ({ time, ...rest }) => ({ ...rest, timestamp: Date.parse(String(time)) }),
  },
  list_migrations: { group: 'branches', operation: 'list_migrations' },
  create_migration: { group: 'branches', operation: 'create_migration' },
  update_migration: { group: 'branches', operation: 'update_migration' },
  delete_migration: { group: 'branches', operation: 'delete_migration' },
  try_migration: { group: 'branches', operation: 'try_migration' },
  apply_migration: { group: 'branches', operation: 'apply_migration', destructive: true },
  list_schema_changes: { group: 'branches', operation: 'list_schema_changes' },

  list_endpoints: { group: 'endpoints', operation: 'list_endpoints' },
  create_endpoint: { group: 'endpoints', operation: 'create_endpoint' },
  get_endpoint: { group: 'endpoints', operation: 'get_endpoint' },
  update_endpoint: { group: 'endpoints', operation: 'update_endpoint', destructive: true },
  publish_endpoint: { group: 'endpoints', operation: 'publish_endpoint', openWorld: true },
  pause_endpoint: { group: 'endpoints', operation: 'pause_endpoint' },
  delete_endpoint: { group: 'endpoints', operation: 'delete_endpoint' },
  list_endpoint_versions: { group: 'endpoints', operation: 'list_endpoint_versions' },
  get_endpoint_traffic: { group: 'endpoints', operation: 'get_endpoint_traffic' },
  try_endpoint: { group: 'endpoints', operation: 'try_endpoint' },
  create_session: { group: 'endpoints', operation: 'create_session' },
  rotate_session_key: { group: 'endpoints', operation: 'rotate_session_key', destructive: true },
  list_hostnames: { group: 'endpoints', operation: 'list_hostnames' },
  create_hostname: { group: 'endpoints', operation: 'create_hostname', openWorld: true },
  refresh_hostname: { group: 'endpoints', operation: 'refresh_hostname', openWorld: true },
  delete_hostname: { group: 'endpoints', operation: 'delete_hostname', openWorld: true },

  get_usage: { group: 'billing', operation: 'get_usage' },
  list_quotas: { group: 'billing', operation: 'list_quotas' },
  get_billing: { group: 'billing', operation: 'get_billing' },
  topup_balance: { group: 'billing', operation: 'top_up', openWorld: true },
  transfer_balance: { group: 'billing', operation: 'transfer_balance', destructive: true },

  update_database: { group: 'admin', operation: 'update_database', rename: { slug: 'database' } },
  create_database: { group: 'admin', operation: 'create_database', rename: { slug: 'database' } },
  get_database: { group: 'admin', operation: 'get_database', rename: { slug: 'database' } },
  delete_database: { group: 'admin', operation: 'delete_database', rename: { slug: 'database' } },
  get_settings: { group: 'admin', operation: 'get_settings' },
  update_settings: { group: 'admin', operation: 'update_settings' },
  get_import: { group: 'admin', operation: 'get_import' },
  list_approvals: { group: 'admin', operation: 'list_approvals' },
  list_approval_rules: { group: 'admin', operation: 'list_approval_rules' },
  create_approval_rule: { group: 'admin', operation: 'create_approval_rule' },
  delete_approval_rule: { group: 'admin', operation: 'delete_approval_rule' },
  describe_tables: { group: 'admin', operation: 'describe_tables', openWorld: true, destructive: true },
  put_docs: { group: 'admin', operation: 'put_docs', destructive: true },
  list_webhooks: { group: 'admin', operation: 'list_webhooks' },
  create_webhook: { group: 'admin', operation: 'create_webhook', openWorld: true },
  get_webhook: { group: 'admin', operation: 'get_webhook' },
  update_webhook: { group: 'admin', operation: 'update_webhook', openWorld: true },
  delete_webhook: { group: 'admin', operation: 'delete_webhook' },
  rotate_webhook_secret: { group: 'admin', operation: 'rotate_webhook_secret', destructive: true },
  test_webhook: { group: 'admin', operation: 'test_webhook', openWorld: true },
  list_deliveries: { group: 'admin', operation: 'list_deliveries' },
  replay_delivery: { group: 'admin', operation: 'replay_delivery', openWorld: true },
  list_schedules: { group: 'admin', operation: 'list_schedules' },
  create_schedule: { group: 'admin', operation: 'create_schedule', destructive: true },
  update_schedule: { group: 'admin', operation: 'update_schedule', destructive: true },
  delete_schedule: { group: 'admin', operation: 'delete_schedule' },
  run_schedule: { group: 'admin', operation: 'run_schedule', destructive: true },
  list_saved_queries: { group: 'admin', operation: 'list_saved_queries' },
  create_saved_query: { group: 'admin', operation: 'create_saved_query' },
  update_saved_query: { group: 'admin', operation: 'update_saved_query', destructive: true },
  delete_saved_query: { group: 'admin', operation: 'delete_saved_query' },
  list_tokens: { group: 'admin', operation: 'list_tokens' },
  get_token: { group: 'admin', operation: 'get_token' },
  create_token: { group: 'admin', operation: 'create_token' },
  revoke_token: { group: 'admin', operation: 'revoke_token' },
  rotate_token: { group: 'admin', operation: 'rotate_token', destructive: true },
}

const TRANSACTIONS = 'ends while an agent thinks: a transaction that is idle for 5 s is rolled back'
/**
 * Operations that aren't tools, each with the reason. Operations for users and for the operator don't take tokens, so
 * they are not listed here.
 */
export const exceptions: Readonly<Partial<Record<keyof Api, string>>> = {
  export_database: "returns a file stream, which a tool result can't carry",
  import_database: "takes a file as its body, which tool arguments can't carry",
  subscribe: 'is a WebSocket; agents use wait_for_changes',
  script: 'is batch with the statements in one text',
  cancel_query: "takes the request ID of an HTTP call, which tool calls don't have",
  begin_transaction: TRANSACTIONS,
  run_in_transaction: TRANSACTIONS,
  commit_transaction: TRANSACTIONS,
  rollback_transaction: TRANSACTIONS,
  delete_transaction: TRANSACTIONS,
  set_description: 'is put_docs under another path',
  get_status: 'is about the instance and needs no token',
  list_packages: 'is about the instance and needs no token',
}
