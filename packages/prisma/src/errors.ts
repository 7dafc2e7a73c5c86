import type { PerSQLError, SqlErrorDetail } from '@persql/sdk'
import { DriverAdapterError, type MappedError } from '@prisma/driver-adapter-utils'

/** Recognizes the error by its fields, because an app can load the SDK as an ES module and as a CommonJS module. */
const isPerSQLError = (cause: unknown): cause is PerSQLError =>
  cause instanceof Error && 'code' in cause && 'detail' in cause && 'retryAfter' in cause

/** SQLite's extended result codes for violations that have no kind of their own in Prisma. */
const CODES: Partial<Record<SqlErrorDetail['kind'], number>> = {
  check_violation: 275,
  type_mismatch: 20,
  database_locked: 5,
  readonly: 8,
}

/**
 * Converts an error of the SDK to that of a driver, which Prisma maps to its own codes, such as P2002. Other errors, such as an
 * empty balance, are returned unchanged.
 */
export function toDriverError(cause: unknown): unknown {
  if (!isPerSQLError(cause)) return cause
  const kind = toKind(cause)
  if (!kind) return cause
  return new DriverAdapterError({
    ...kind,
    originalCode: cause.detail?.kind ?? cause.code,
    originalMessage: cause.message,
  })
}

function toKind({ code, detail, message }: PerSQLError): MappedError | undefined {
  if (code === 'transaction_conflict' || code === 'transaction_busy') return { kind: 'TransactionWriteConflict' }
  if (code === 'transaction_expired' || code === 'transaction_ended') {
    return { kind: 'TransactionAlreadyClosed', cause: message }
  }
  if (code === 'timeout') return { kind: 'SocketTimeout' }
  return detail && toSqlKind(detail)
}

function toSqlKind(detail: SqlErrorDetail): MappedError {
  const { kind, message, table, column } = detail
  switch (kind) {
    case 'unique_violation':
      return { kind: 'UniqueConstraintViolation', constraint: toConstraint(detail), table }
    case 'not_null_violation':
      return { kind: 'NullConstraintViolation', constraint: toConstraint(detail) }
    case 'fk_violation':
      return { kind: 'ForeignKeyConstraintViolation', constraint: { foreignKey: {} } }
    case 'unknown_table':
      return { kind: 'TableDoesNotExist', table }
    case 'unknown_column':
      return { kind: 'ColumnNotFound', column }
    default:
      return { kind: 'sqlite', extendedCode: CODES[kind] ?? 1, message }
  }
}

/** Returns the columns of a violated constraint, or the name of its index if the index is of expressions. */
function toConstraint({
  columns,
  column,
  message,
}: SqlErrorDetail): { fields: string[] } | { index: string } | undefined {
  if (columns) return { fields: columns.map((one) => one.column) }
  if (column) return { fields: [column] }
  const index = /: index '(.+)'$/.exec(message)?.[1]
  return index === undefined ? undefined : { index }
}
