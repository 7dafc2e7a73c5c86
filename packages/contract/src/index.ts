import * as advice from './advice.ts'
import * as approvals from './approvals.ts'
import * as assistant from './assistant.ts'
import * as billing from './billing.ts'
import * as branches from './branches.ts'
import * as changes from './changes.ts'
import * as databases from './databases.ts'
import * as describing from './describe.ts'
import * as endpoints from './endpoints.ts'
import * as hostnames from './hostnames.ts'
import * as insights from './insights.ts'
import * as members from './members.ts'
import * as merges from './merges.ts'
import * as migrations from './migrations.ts'
import * as oauth from './oauth.ts'
import * as operator from './operator.ts'
import { PageMeta } from './paging.ts'
import * as proposals from './proposals.ts'
import * as query from './query.ts'
import * as saved from './saved-queries.ts'
import * as schedules from './schedules.ts'
import * as snapshots from './snapshots.ts'
import * as tokens from './tokens.ts'
import * as transfer from './transfer.ts'
import { Blob, Param, Value } from './values.ts'
import * as webhooks from './webhooks.ts'

/** Every operation of the platform by name. REST, OpenAPI, MCP and the SDK are loops over it or types of it. */
export const api = {
  query: query.query,
  batch: query.batch,
  list_tables: query.list_tables,
  validate: query.validate,
  explain: query.explain,
  get_schema: query.get_schema,
  list_databases: databases.list_databases,
  create_database: databases.create_database,
  get_database: databases.get_database,
  delete_database: databases.delete_database,
  list_endpoints: endpoints.list_endpoints,
  create_endpoint: endpoints.create_endpoint,
  get_endpoint: endpoints.get_endpoint,
  update_endpoint: endpoints.update_endpoint,
  publish_endpoint: endpoints.publish_endpoint,
  pause_endpoint: endpoints.pause_endpoint,
  delete_endpoint: endpoints.delete_endpoint,
  list_endpoint_versions: endpoints.list_endpoint_versions,
  try_endpoint: endpoints.try_endpoint,
  rotate_session_key: endpoints.rotate_session_key,
  create_session: endpoints.create_session,
  ask: assistant.ask,
  generate_sql: assistant.generate_sql,
  describe_tables: assistant.describe_tables,
  get_docs: assistant.get_docs,
  put_docs: assistant.put_docs,
  list_hostnames: hostnames.list_hostnames,
  create_hostname: hostnames.create_hostname,
  refresh_hostname: hostnames.refresh_hostname,
  delete_hostname: hostnames.delete_hostname,
  advise_indexes: advice.advise_indexes,
  get_insights: insights.get_insights,
  get_endpoint_traffic: insights.get_endpoint_traffic,
  claim_branch: branches.claim_branch,
  list_branches: branches.list_branches,
  put_branch: branches.put_branch,
  get_branch: branches.get_branch,
  delete_branch: branches.delete_branch,
  hand_off_branch: branches.hand_off_branch,
  redeem_handoff: branches.redeem_handoff,
  fork_database: branches.fork_database,
  merge_branch: merges.merge_branch,
  propose: proposals.propose,
  apply: proposals.apply,
  list_approval_rules: approvals.list_approval_rules,
  create_approval_rule: approvals.create_approval_rule,
  delete_approval_rule: approvals.delete_approval_rule,
  list_approvals: approvals.list_approvals,
  get_approval: approvals.get_approval,
  redeem_approval: approvals.redeem_approval,
  get_approval_request: approvals.get_approval_request,
  approve_request: approvals.approve_request,
  deny_request: approvals.deny_request,
  list_snapshots: snapshots.list_snapshots,
  create_snapshot: snapshots.create_snapshot,
  delete_snapshot: snapshots.delete_snapshot,
  restore: snapshots.restore,
  get_settings: snapshots.get_settings,
  update_settings: snapshots.update_settings,
  export_database: transfer.export_database,
  import_database: transfer.import_database,
  get_import: transfer.get_import,
  list_migrations: migrations.list_migrations,
  create_migration: migrations.create_migration,
  update_migration: migrations.update_migration,
  delete_migration: migrations.delete_migration,
  apply_migration: migrations.apply_migration,
  try_migration: migrations.try_migration,
  list_schema_changes: migrations.list_schema_changes,
  describe: describing.describe,
  set_description: describing.set_description,
  search: describing.search,
  doctor: describing.doctor,
  subscribe: changes.subscribe,
  wait_for_changes: changes.wait_for_changes,
  list_webhooks: webhooks.list_webhooks,
  create_webhook: webhooks.create_webhook,
  get_webhook: webhooks.get_webhook,
  update_webhook: webhooks.update_webhook,
  delete_webhook: webhooks.delete_webhook,
  rotate_webhook_secret: webhooks.rotate_webhook_secret,
  test_webhook: webhooks.test_webhook,
  list_deliveries: webhooks.list_deliveries,
  replay_delivery: webhooks.replay_delivery,
  list_schedules: schedules.list_schedules,
  create_schedule: schedules.create_schedule,
  update_schedule: schedules.update_schedule,
  delete_schedule: schedules.delete_schedule,
  run_schedule: schedules.run_schedule,
  list_saved_queries: saved.list_saved_queries,
  create_saved_query: saved.create_saved_query,
  update_saved_query: saved.update_saved_query,
  delete_saved_query: saved.delete_saved_query,
  list_tokens: tokens.list_tokens,
  create_token: tokens.create_token,
  revoke_token: tokens.revoke_token,
  rotate_token: tokens.rotate_token,
  get_me: tokens.get_me,
  get_usage: billing.get_usage,
  get_billing: billing.get_billing,
  top_up: billing.top_up,
  list_my_namespaces: members.list_my_namespaces,
  create_my_namespace: members.create_my_namespace,
  get_namespace: members.get_namespace,
  delete_namespace: members.delete_namespace,
  list_members: members.list_members,
  set_member_role: members.set_member_role,
  remove_member: members.remove_member,
  list_invitations: members.list_invitations,
  create_invitation: members.create_invitation,
  revoke_invitation: members.revoke_invitation,
  accept_invitation: members.accept_invitation,
  list_shares: members.list_shares,
  share_database: members.share_database,
  unshare_database: members.unshare_database,
  list_audit: members.list_audit,
  list_oauth_grants: oauth.list_oauth_grants,
  revoke_oauth_grant: oauth.revoke_oauth_grant,
  create_namespace: operator.create_namespace,
  list_namespaces: operator.list_namespaces,
  credit_namespace: operator.credit_namespace,
  suspend_namespace: operator.suspend_namespace,
  resume_namespace: operator.resume_namespace,
  invite_to_namespace: operator.invite_to_namespace,
  get_status: operator.get_status,
} as const
export type Api = typeof api

export type { IndexAdvice } from './advice.ts'
export type { ApprovalHit, ApprovalRequest, ApprovalRule, ApprovalStatus, ListedApproval } from './approvals.ts'
export type { Docs } from './assistant.ts'
/** Shapes that have a name of their own where the API is described, because several operations share them. */
export const shapes = {
  Blob,
  Param,
  Value,
  BatchStatement: query.BatchStatement,
  QueryResult: query.QueryResult,
  QueryMeta: query.QueryMeta,
  SqlErrorDetail: query.SqlErrorDetail,
  ApprovalRule: approvals.ApprovalRule,
  ApprovalHit: approvals.ApprovalHit,
  Approval: approvals.Approval,
  ApprovalRequest: approvals.ApprovalRequest,
  ListedApproval: approvals.ListedApproval,
  PageMeta,
  Database: databases.Database,
  Token: tokens.Token,
  MintedToken: tokens.MintedToken,
  Spend: billing.Spend,
  DayUsage: billing.DayUsage,
  LedgerEntry: billing.LedgerEntry,
  Membership: members.Membership,
  Member: members.Member,
  Invitation: members.Invitation,
  Share: members.Share,
  Standing: operator.Standing,
  Endpoint: endpoints.Endpoint,
  Docs: assistant.Docs,
  Hostname: hostnames.Hostname,
  Insights: insights.Insights,
  EndpointTraffic: insights.EndpointTraffic,
  Snapshot: snapshots.Snapshot,
  Migration: migrations.Migration,
  OAuthGrant: oauth.OAuthGrant,
  MergeReport: merges.MergeReport,
  Webhook: webhooks.Webhook,
  Delivery: webhooks.Delivery,
  Schedule: schedules.Schedule,
  SavedQuery: saved.SavedQuery,
} as const

export { BYTE_HOURS_PER_NANO, type DayUsage, rates, type Spend } from './billing.ts'
export type { BranchRole } from './branches.ts'
export type { Change, ChangeKind } from './changes.ts'
export type { Database } from './databases.ts'
export type { Described, Diagnosis, Finding, Hit } from './describe.ts'
export type { Endpoint } from './endpoints.ts'
export { type ErrorCode, errors, PerSQLError } from './errors.ts'
export { type Hostname, isHostname, MAX_HOSTNAMES, recordName } from './hostnames.ts'
export type { EndpointTraffic, Insights } from './insights.ts'
export type { Invitation, Member, Membership, Share } from './members.ts'
export type { MergeReport } from './merges.ts'
export type { Migration, MigrationTrial } from './migrations.ts'
export type { OAuthGrant } from './oauth.ts'
export {
  type Door,
  doorsOf,
  type Input,
  isPaged,
  type MemberRole,
  type Method,
  type Operation,
  type Output,
  type Parsed,
  type Result,
  route,
  type Scope,
} from './operation.ts'
export type { Listed, PageMeta, Paging } from './paging.ts'
export { PROPOSAL_S } from './proposals.ts'
export { MAX_STATEMENTS, type SqlErrorDetail } from './query.ts'
export type { SavedQuery } from './saved-queries.ts'
export type { Schedule } from './schedules.ts'
export type { AutomaticSnapshot, Snapshot } from './snapshots.ts'
export type { MintedToken, Role, Token, TokenRequest } from './tokens.ts'
export type { Delivery, Webhook } from './webhooks.ts'
