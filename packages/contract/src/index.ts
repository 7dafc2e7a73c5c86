import { Approval, ApprovalHit, ApprovalRequest, ApprovalRule, approvals, ListedApproval } from './approvals.ts'
import { assistant, Docs } from './assistant.ts'
import { billing, DayUsage, LedgerEntry, Spend } from './billing.ts'
import { branches } from './branches.ts'
import { changes } from './changes.ts'
import { Database, databases } from './databases.ts'
import { describe } from './describe.ts'
import { Endpoint, endpoints } from './endpoints.ts'
import { Hostname, hostnames } from './hostnames.ts'
import { advice } from './index-advice.ts'
import { EndpointTraffic, Insights, insights } from './insights.ts'
import { Invitation, Member, Membership, members, Share, WelcomeCredit } from './members.ts'
import { MergeReport, merges } from './merges.ts'
import { Migration, migrations } from './migrations.ts'
import { OAuthGrant, oauth } from './oauth.ts'
import { NamespaceStatus, operator } from './operator.ts'
import { packageOperations } from './packages.ts'
import { PageMeta } from './paging.ts'
import { proposals } from './proposals.ts'
import { BatchStatement, QueryMeta, QueryResult, query, SqlErrorDetail } from './query.ts'
import { Quota, quotaOperations } from './quotas.ts'
import { SavedQuery, savedQueries } from './saved-queries.ts'
import { Schedule, schedules } from './schedules.ts'
import { Snapshot, snapshots } from './snapshots.ts'
import { MintedToken, Token, tokens } from './tokens.ts'
import { transactions } from './transactions.ts'
import { transfer } from './transfer.ts'
import { Blob, Param, Value } from './values.ts'
import { Delivery, Webhook, webhooks } from './webhooks.ts'

/** All operations of the platform by name. REST, OpenAPI, MCP and the SDK are derived from them. */
export const api = {
  ...query,
  ...transactions,
  ...databases,
  ...endpoints,
  ...assistant,
  ...hostnames,
  ...advice,
  ...insights,
  ...branches,
  ...merges,
  ...proposals,
  ...approvals,
  ...snapshots,
  ...transfer,
  ...migrations,
  ...describe,
  ...changes,
  ...webhooks,
  ...schedules,
  ...savedQueries,
  ...tokens,
  ...billing,
  ...quotaOperations,
  ...members,
  ...oauth,
  ...operator,
  ...packageOperations,
} as const
export type Api = typeof api

export type { ApprovalHit, ApprovalRequest, ApprovalRule, ApprovalStatus, ListedApproval } from './approvals.ts'
export type { Docs } from './assistant.ts'
export type { IndexAdvice } from './index-advice.ts'

/** Schemas that several operations share and that have a name in the API description. */
export const shapes = {
  Blob,
  Param,
  Value,
  BatchStatement,
  QueryResult,
  QueryMeta,
  SqlErrorDetail,
  ApprovalRule,
  ApprovalHit,
  Approval,
  ApprovalRequest,
  ListedApproval,
  PageMeta,
  Database,
  Token,
  MintedToken,
  Spend,
  DayUsage,
  LedgerEntry,
  Membership,
  Member,
  Invitation,
  Share,
  WelcomeCredit,
  Quota,
  Standing: NamespaceStatus,
  Endpoint,
  Docs,
  Hostname,
  Insights,
  EndpointTraffic,
  Snapshot,
  Migration,
  OAuthGrant,
  MergeReport,
  Webhook,
  Delivery,
  Schedule,
  SavedQuery,
} as const

export { BYTE_HOURS_PER_NANO, type DayUsage, rates, type Spend } from './billing.ts'
export type { BranchRole } from './branches.ts'
export type { Change, ChangeKind } from './changes.ts'
export { type Database, type DatabaseFilter, type DatabaseSort, Labels, MAX_LABELS, type Region } from './databases.ts'
export type { DoctorReport, Finding, SchemaDescription, SearchHit } from './describe.ts'
export type { Endpoint } from './endpoints.ts'
export { errors } from './error-table.ts'
export { type ErrorCode, PerSQLError } from './errors.ts'
export { type Hostname, isHostname, MAX_HOSTNAMES, recordName } from './hostnames.ts'
export type { EndpointTraffic, Insights } from './insights.ts'
export type { Invitation, Member, Membership, Share, WelcomeCredit } from './members.ts'
export type { MergeReport } from './merges.ts'
export type { Migration, MigrationTrial } from './migrations.ts'
export type { OAuthGrant } from './oauth.ts'
export {
  credentialAt,
  type EntryPoint,
  getEntryPoints,
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
export { expandOperations, getNeededRole, operationGroups } from './operation-groups.ts'
export type { Listed, PageMeta, Paging } from './paging.ts'
export { PROPOSAL_S } from './proposals.ts'
export { MAX_SCRIPT_CHARACTERS, MAX_SCRIPT_STATEMENTS, MAX_STATEMENTS, type SqlErrorDetail } from './query.ts'
export {
  formatBytes,
  formatQuota,
  parseQuota,
  type QuotaLimits,
  type QuotaName,
  type QuotaSettings,
  quotaNames,
  quotas,
  toQuotaSetting,
} from './quota-limits.ts'
export type { Quota } from './quotas.ts'
export type { SavedQuery } from './saved-queries.ts'
export type { Schedule } from './schedules.ts'
export type { AutomaticSnapshot, Snapshot } from './snapshots.ts'
export type { MintedToken, Role, Selected, Token, TokenFilter, TokenRequest } from './tokens.ts'
export { isInt64, isSlug, MAX_PARAMETERS, parameterName, SLUG } from './values.ts'
export type { Delivery, Webhook } from './webhooks.ts'
