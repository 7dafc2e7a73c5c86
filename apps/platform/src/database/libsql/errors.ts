import { type ErrorCode, PerSQLError } from '@persql/contract'
import { SQLITE_CODE } from '../../storage/runtime-error.ts'
import type { LibsqlError } from './protocol.ts'

/** Codes of the protocol, and of SQLite, for our errors that have an equal there. */
const CODES: Partial<Record<ErrorCode, string>> = {
  multiple_statements: 'SQL_MANY_STATEMENTS',
  empty_statement: 'SQL_NO_STATEMENT',
  statement_too_long: 'SQLITE_TOOBIG',
  result_too_large: 'RESPONSE_TOO_LARGE',
  query_timeout: 'SQLITE_INTERRUPT',
  query_canceled: 'SQLITE_INTERRUPT',
  quota_exceeded: 'SQLITE_FULL',
  database_full: 'SQLITE_FULL',
  too_busy: 'SQLITE_BUSY',
  transaction_busy: 'SQLITE_BUSY',
  transaction_conflict: 'SQLITE_BUSY',
  transaction_expired: 'TRANSACTION_TIMEOUT',
  transaction_too_long: 'TRANSACTION_TIMEOUT',
  invalid_input: 'ARGS_INVALID',
  integer_out_of_range: 'ARGS_INVALID',
}
/** Errors that concern the whole request. */
const FATAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['internal', 'unavailable', 'token_unknown', 'database_not_found', 'database_damaged', 'storage_full'] as const),
])

/**
 * Converts the failure of a statement to the error in its place.
 * @throws the failure itself, if it concerns the whole request
 */
export function toLibsqlError(cause: unknown): LibsqlError {
  const error = PerSQLError.from(cause)
  const { code, message, extra } = error
  if (FATAL.has(code)) throw cause
  const { message: detail = message, kind } = (extra.errorDetail ?? {}) as { message?: string; kind?: string }
  if (code === 'sql_error') return ofSqlite(detail, kind, error.cause)
  return { message, code: CODES[code] ?? 'BLOCKED', extended_code: code }
}

/** Reads the result code of SQLite off the runtime's message, from which the error was made. */
function ofSqlite(message: string, kind: string | undefined, cause: unknown): LibsqlError {
  const [, base, extended] = SQLITE_CODE.exec(cause instanceof Error ? cause.message : '') ?? []
  if (kind === 'too_many_params' || kind === 'too_few_params') return { message, code: 'ARGS_INVALID' }
  if (kind === 'syntax_error') return { message, code: 'SQL_PARSE_ERROR' }
  if (base === undefined) return { message, code: kind === 'not_available' ? 'BLOCKED' : 'SQLITE_ERROR' }
  const code = base.startsWith('SQLITE_CONSTRAINT') ? 'SQLITE_CONSTRAINT' : base
  const finer = extended ?? base
  return finer === code ? { message, code } : { message, code, extended_code: finer }
}
