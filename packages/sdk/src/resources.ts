import { PerSQLError } from './errors.ts'
import { type Answer, pause } from './http.ts'
import type {
  Approval,
  ApprovalRule,
  BranchRole,
  CallOptions,
  Claim,
  DatabaseInfo,
  Endpoint,
  Migration,
  Param,
  Proposal,
  QueryResult,
  Snapshot,
  WriteOptions,
} from './types.ts'
import { encode, resultOf } from './values.ts'

/** How a call is sent. */
export interface Sending extends WriteOptions {
  /** `false`: the server keeps no answers of this call, so it is not sent twice. */
  keyed?: boolean
  /** It only reads, though it is no GET. */
  repeatable?: boolean
  raw?: boolean
}
/** Sends a call to one database; the path is what follows its address. */
export type Send = (method: string, path: string, body?: unknown, options?: Sending) => Promise<Answer>
type Deleted = Promise<{ deleted: true }>

const enc = encodeURIComponent
const data = (answer: Promise<Answer>) => answer.then((given) => given.data)

/** `db.branches`: copies of the schema without rows, for agents and pull requests. */
export const branchesOf = (send: Send) => ({
  /** Makes a branch, or resets it to the present schema. */
  upsert: (
    ref: string,
    {
      name,
      expiresAt,
      ttlDays,
      fromRef,
      ...o
    }: { name?: string; expiresAt?: string | Date; ttlDays?: number; fromRef?: string } & CallOptions = {},
  ): Promise<DatabaseInfo> =>
    data(send('PUT', `branches/${enc(ref)}`, { name, expiresAt, ttlDays, fromRef }, { ...o, keyed: false })),
  /** Makes or resets a branch and gets a token that opens it alone. */
  claim: ({
    ref,
    purpose,
    ttlSec,
    role,
    ...o
  }: { ref?: string; purpose?: string; ttlSec?: number; role?: BranchRole } & CallOptions = {}): Promise<Claim> =>
    data(send('POST', 'claim_branch', { ref, purpose, ttlSec, role }, { ...o, keyed: false })),
  /** Makes a secret that a sub-agent redeems once, with `PerSQL.fromHandoff`. */
  pin: (
    ref: string,
    { role, ttlSec, ...o }: { role?: BranchRole; ttlSec?: number } & CallOptions = {},
  ): Promise<{ token: string; expiresAt: string }> =>
    data(send('POST', `branches/${enc(ref)}/handoff`, { role, ttlSec }, { ...o, keyed: false })),
  /** Brings what changed on the branch into the database. */
  merge: (
    ref: string,
    { signal, timeoutMs, maxRetries, ...body }: { mode?: string; [more: string]: unknown } & CallOptions = {},
  ): Promise<Record<string, unknown>> =>
    data(send('POST', `branches/${enc(ref)}/merge`, body, { signal, timeoutMs, maxRetries, keyed: false })),
  list: (o?: CallOptions): Promise<DatabaseInfo[]> => data(send('GET', 'branches', undefined, o)),
  get: (ref: string, o?: CallOptions): Promise<DatabaseInfo> => data(send('GET', `branches/${enc(ref)}`, undefined, o)),
  delete: (ref: string, o?: CallOptions): Deleted =>
    data(send('DELETE', `branches/${enc(ref)}`, undefined, { ...o, keyed: false })),
})

/** `db.proposals`: writes that are proposed first and applied afterwards. */
export const proposalsOf = (send: Send) => ({
  /** Tells what a write would do, and gets a token that does exactly that, once. */
  propose: (
    sql: string,
    { params = [], ttlSec, ...o }: { params?: readonly Param[]; ttlSec?: number } & WriteOptions = {},
  ): Promise<Proposal> => data(send('POST', 'propose', { sql, params: params.map(encode), ttlSec }, o)),
  apply: async <T extends object>(executionToken: string, o?: WriteOptions): Promise<QueryResult<T>> => {
    const { data, meta } = await send('POST', 'apply', { executionToken }, o)
    return resultOf<T>(data, meta)
  },
})

/** `db.approvalRules`: writes to some tables are forbidden, or wait for a human. */
export const approvalRulesOf = (send: Send) => ({
  create: (
    rule: { tableGlob: string; action: 'deny' | 'require_approval'; note?: string },
    o?: WriteOptions,
  ): Promise<ApprovalRule> => data(send('POST', 'approval_rules', rule, o)),
  list: (o?: CallOptions): Promise<ApprovalRule[]> => data(send('GET', 'approval_rules', undefined, o)),
  delete: (id: string, o?: WriteOptions): Deleted => data(send('DELETE', `approval_rules/${enc(id)}`, undefined, o)),
})

/** `db.approvals`: what an `ApprovalRequiredError` asks for. */
export function approvalsOf(send: Send) {
  const get = (token: string, o?: CallOptions): Promise<Approval> =>
    data(send('GET', `approvals/${enc(token)}`, undefined, o))
  return {
    get,
    /** Waits until a human has decided, or the approval has expired. @throws PerSQLError `timeout` */
    async poll(
      token: string,
      {
        intervalMs = 2000,
        timeoutMs = 600_000,
        signal,
      }: { intervalMs?: number; timeoutMs?: number; signal?: AbortSignal } = {},
    ): Promise<Approval> {
      for (const endMs = Date.now() + timeoutMs; ; ) {
        const approval = await get(token, { signal })
        if (approval.status !== 'pending') return approval
        if (Date.now() + intervalMs > endMs) {
          throw new PerSQLError({ status: 0, code: 'timeout', message: `Nobody decided within ${timeoutMs} ms.` })
        }
        await pause(intervalMs, signal)
      }
    },
    /** Runs what was approved, once: a result, or one for each statement of a batch. */
    redeem: async (approvalToken: string, o?: WriteOptions): Promise<QueryResult | QueryResult[]> => {
      const { data, meta } = await send('POST', 'redeem_approval', { approvalToken }, o)
      return Array.isArray(data) ? data.map((one) => resultOf(one, meta)) : resultOf(data, meta)
    },
  }
}

/** `db.snapshots`: all tables and rows, as they were at one moment. */
export const snapshotsOf = (send: Send) => ({
  create: (label: string, o?: WriteOptions): Promise<Snapshot> => data(send('POST', 'snapshots', { label }, o)),
  list: (o?: CallOptions): Promise<Snapshot[]> => data(send('GET', 'snapshots', undefined, o)),
  delete: (id: string, o?: WriteOptions): Deleted => data(send('DELETE', `snapshots/${enc(id)}`, undefined, o)),
  /** Puts everything back; what was there is kept as `before`. */
  restore: (
    to: { snapshotId: string } | { bookmark: string } | { timestamp: number },
    o?: WriteOptions,
  ): Promise<{ restored: Snapshot; before: Snapshot }> => data(send('POST', 'restore', to, o)),
})

/** `db.migrations`: statements that change a database, as drafts until they are applied, whole or not at all. */
export const migrationsOf = (send: Send) => ({
  create: (draft: { name: string; sql: string }, o?: WriteOptions): Promise<Migration> =>
    data(send('POST', 'migrations', draft, o)),
  list: (o?: CallOptions): Promise<Migration[]> => data(send('GET', 'migrations', undefined, o)),
  update: (id: string, draft: { name?: string; sql?: string }, o?: WriteOptions): Promise<Migration> =>
    data(send('PATCH', `migrations/${enc(id)}`, draft, o)),
  apply: (id: string, o?: WriteOptions): Promise<Migration> => data(send('POST', `migrations/${enc(id)}/apply`, {}, o)),
  delete: (id: string, o?: WriteOptions): Deleted => data(send('DELETE', `migrations/${enc(id)}`, undefined, o)),
})

/** `db.endpoints`: stored statements that anyone may call, once they are published. */
export const endpointsOf = (send: Send) => ({
  create: (
    spec: { slug: string; name: string; kind: string; [field: string]: unknown },
    o?: WriteOptions,
  ): Promise<Endpoint> => data(send('POST', 'endpoints', spec, o)),
  list: (o?: CallOptions): Promise<Endpoint[]> => data(send('GET', 'endpoints', undefined, o)),
  get: (slug: string, o?: CallOptions): Promise<Endpoint> => data(send('GET', `endpoints/${enc(slug)}`, undefined, o)),
  update: (slug: string, changes: Record<string, unknown>, o?: WriteOptions): Promise<Endpoint> =>
    data(send('PATCH', `endpoints/${enc(slug)}`, changes, o)),
  publish: (slug: string, { version, ...o }: { version?: number } & WriteOptions = {}): Promise<Endpoint> =>
    data(send('POST', `endpoints/${enc(slug)}/publish`, { version }, o)),
  pause: (slug: string, o?: WriteOptions): Promise<Endpoint> =>
    data(send('POST', `endpoints/${enc(slug)}/pause`, {}, o)),
  delete: (slug: string, o?: WriteOptions): Deleted => data(send('DELETE', `endpoints/${enc(slug)}`, undefined, o)),
})
