import { PerSQLError } from '@persql/contract'
import { boundFields, type EndpointSpec } from '@persql/endpoint-spec'
import { logInternal } from '../../reply.ts'
import type { Permission } from '../authorizer/authorizer.ts'
import type { StatementInput } from '../calls/call.ts'
import type { Bound } from '../calls/values.ts'
import type { Result } from '../engine/result.ts'
import type { DatabaseReads } from '../reads/database-reads.ts'
import { ReaderResult, withResult } from '../reads/reader-result.ts'
import type { Input } from './input.ts'
import { type Derive, hashPassword, verifyPassword } from './passwords.ts'
import type { MintedSession } from './sessions.ts'
import type { OpenEndpoint } from './store.ts'

/** Runs a statement and charges it, in one turn. @throws the error of the statement, after it is charged */
export type RunBilled = (sql: string, run: () => Result | Promise<Result>) => Result | Promise<Result>

/** Sends a question to the AI model, runs the generated SQL and returns the `data` of the response. */
export type RunQuestion = (endpoint: OpenEndpoint, question: string) => Promise<unknown>

/** The context that a database provides to run an endpoint. */
export interface EndpointContext {
  readonly reads: DatabaseReads
  readonly spend: RunBilled
  /** Derives keys outside of the thread that serves data. `undefined`: in place. */
  readonly derive: Derive | undefined
  /**
   * Continues after a wait, in which other calls ran: waits for tasks with exclusive access, and checks the endpoint
   * again.
   * @throws PerSQLError `endpoint_not_found` if it was changed, or `insufficient_balance`
   */
  readonly resume: (endpoint: OpenEndpoint) => Promise<void>
  readonly mint: (userId: string, email: string | null, ttlS: number) => Promise<MintedSession>
  /** Returns the name of the primary key column. */
  readonly findKey: (table: string) => string | undefined
  readonly ask: RunQuestion
}

/** Returns the `data` of the response, as a promise only for kinds that hash, sign or call the AI model. */
export function runEndpoint(endpoint: OpenEndpoint, input: Input, means: EndpointContext): unknown | Promise<unknown> {
  switch (endpoint.spec.kind) {
    case 'query':
    case 'mutation':
      return withResult(runStatement(endpoint, input.bound, means), (result) => shape(endpoint.spec.output, result))
    case 'auth_signup':
      return signUp(endpoint, input, means)
    case 'auth_login':
      return logIn(endpoint, input, means)
    case 'ask':
      return means.ask(endpoint, String(input.byName.question))
  }
}

function runStatement(
  endpoint: OpenEndpoint,
  params: readonly Bound[],
  { reads, spend }: EndpointContext,
): Result | Promise<Result> {
  const statement: StatementInput = { sql: endpoint.spec.sql, params }
  const { slug } = endpoint.spec
  return spend(statement.sql, () => reads.runAnywhere(statement, getPermission(endpoint), `endpoint:${slug}`))
}

/**
 * Returns the permission of an endpoint. It follows from the kind, so a later change such as a new trigger can't make
 * an endpoint write more than its spec allows.
 */
export const getPermission = ({ spec, tableScope }: Pick<OpenEndpoint, 'spec' | 'tableScope'>): Permission => ({
  role: spec.kind === 'mutation' || spec.kind === 'auth_signup' ? 'readwrite' : 'readonly',
  tableScope,
})

function shape(output: EndpointSpec['output'], result: Result): unknown {
  if (output === 'rows_written') return { rowsWritten: result.rowsWritten }
  if (output === 'rows' && result instanceof ReaderResult) return result
  const { columns, rows } = result
  if (output === 'rows') return { columns, rows }
  const [row] = rows
  return { row: row ? toRecord(columns, row) : null }
}

/** Hashes the password before the statement runs, so the response time is the same for new and existing users. */
async function signUp(endpoint: OpenEndpoint, { byName }: Input, means: EndpointContext): Promise<MintedSession> {
  const hash = await hashPassword(String(byName.password), means.derive)
  await means.resume(endpoint)
  const params = boundFields(endpoint.spec).map(({ name }) => (name === 'password' ? hash : (byName[name] ?? null)))
  const { columns, rows } = await runStatement(endpoint, params, means)
  const [row] = rows
  if (!row) throw new PerSQLError('conflict', { problem: CONFLICT })
  return openSession(endpoint, toRecord(columns, row), byName, means)
}

async function logIn(endpoint: OpenEndpoint, { bound, byName }: Input, means: EndpointContext): Promise<MintedSession> {
  const { columns, rows } = await runStatement(endpoint, bound, means)
  const user = rows[0] && toRecord(columns, rows[0])
  const right = await verifyPassword(String(byName.password), user?.password_hash, means.derive)
  if (!user || !right) throw new PerSQLError('login_failed')
  await means.resume(endpoint)
  return openSession(endpoint, user, byName, means)
}

function openSession(
  { spec: { authConfig } }: OpenEndpoint,
  user: Readonly<Record<string, unknown>>,
  byName: Input['byName'],
  { findKey, mint }: EndpointContext,
): Promise<MintedSession> {
  const { usersTable, emailColumn, sessionTtlSec } = authConfig as NonNullable<EndpointSpec['authConfig']>
  const key = findKey(usersTable)
  const id = key !== undefined && Object.hasOwn(user, key) ? user[key] : Object.values(user)[0]
  if (typeof id !== 'string' && typeof id !== 'number') throw new PerSQLError('endpoint_failed')
  const email = user[emailColumn] ?? byName.email
  return mint(String(id), typeof email === 'string' ? email : null, sessionTtlSec)
}

const toRecord = (columns: readonly string[], row: readonly unknown[]): Record<string, unknown> =>
  Object.fromEntries(columns.map((column, i) => [column, row[i]]))

/**
 * Returns a failure in the form that public callers can see: errors that the caller can fix, by field if the field is
 * known, and nothing about the schema. The owner finds the full error in the query log.
 */
export function publicError(cause: unknown, { input }: EndpointSpec): PerSQLError {
  const error = PerSQLError.from(cause)
  if (PUBLIC.has(error.code)) return error
  // The numbers are the owner's.
  if (error.code === 'quota_exceeded' || error.code === 'database_full')
    return new PerSQLError('conflict', { problem: FULL }, { cause })
  const { kind, columns, column } = (error.extra.errorDetail ?? {}) as {
    kind?: string
    column?: string
    columns?: { column: string }[]
  }
  const sentence = kind && SENTENCES[kind]
  if (error.code === 'internal') logInternal(cause)
  if (!sentence) return new PerSQLError('endpoint_failed', {}, { cause })
  const names = columns?.map((each) => each.column) ?? (column ? [column] : [])
  const known = names.filter((name) => input.some((field) => field.name === name))
  const fields = Object.fromEntries(known.map((name) => [name, sentence]))
  const code = kind === 'unique_violation' || kind === 'fk_violation' ? 'conflict' : 'values_refused'
  return new PerSQLError(code, { problem: CONFLICT }, { cause, extra: known.length > 0 ? { fields } : {} })
}

const FULL = "This app can't store more data. Nothing was changed. Contact its owner."
const CONFLICT = 'These values conflict with existing data. Change them, or reload and try again.'

const SENTENCES: Readonly<Record<string, string>> = {
  unique_violation: 'Already taken.',
  fk_violation: "The referenced entry doesn't exist.",
  not_null_violation: 'This field is required.',
  check_violation: 'This value is not allowed.',
  type_mismatch: 'This value is not allowed.',
  limit_exceeded: 'This value is too long.',
}

/** Codes whose messages are safe for public callers. */
const PUBLIC: ReadonlySet<string> = new Set([
  'invalid_json',
  'invalid_input',
  'fields_refused',
  'values_refused',
  'conflict',
  'result_too_large',
  'session_missing',
  'session_invalid',
  'login_failed',
  'captcha_missing',
  'captcha_failed',
  'captcha_unavailable',
  'insufficient_balance',
  'namespace_suspended',
  'page_not_allowed',
  'endpoint_not_found',
  'endpoint_failed',
  'method_not_allowed',
  'query_timeout',
  'unavailable',
  'storage_full',
  'body_too_large',
  'rate_limited',
  'too_busy',
  'transaction_busy',
  'model_unavailable',
  'model_failed',
  'question_refused',
])
