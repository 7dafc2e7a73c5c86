import { PerSQLError, type SqlErrorDetail } from '@persql/contract'
import { storageFull } from '../../disk-space.ts'
import { isDiskFull, isFileDamaged, SQLITE_CODE } from '../../storage/runtime-error.ts'
import { explainRefusal, hintForTable } from './sql-refusals.ts'

/**
 * Converts an error of SQLite, or of the runtime's wrapper, from compiling or running `sql` to an error with details.
 */
export function sqlError(cause: unknown, sql: string): PerSQLError {
  if (cause instanceof PerSQLError) return cause.code === 'statement_not_allowed' ? withDetail(cause) : cause
  const text = cause instanceof Error ? cause.message : String(cause)
  if (isDiskFull(text)) return storageFull(cause)
  if (isFileDamaged(text)) return new PerSQLError('database_damaged', {}, { cause })
  const [, code, extended] = SQLITE_CODE.exec(text) ?? []
  if (!code && !text.startsWith('Wrong number of parameter bindings')) return PerSQLError.from(cause)
  // Offsets refer to the statement as it ran, which can differ from the statement as it was sent.
  const reason = text.replace(SQLITE_CODE, '').replace(/ at offset \d+$/, '')
  const errorDetail = explainRefusal(reason, sql) ?? { message: reason, ...detail(reason, extended ?? code, sql) }
  const { message } = errorDetail
  return new PerSQLError('sql_error', { message }, { extra: { errorDetail }, cause })
}

function withDetail(cause: PerSQLError): PerSQLError {
  const { code, details, extra, message } = cause
  const errorDetail = { kind: 'not_available', message }
  return new PerSQLError(code, details, { extra: { errorDetail, ...extra }, cause })
}

function detail(message: string, code: string | undefined, sql: string): Omit<SqlErrorDetail, 'message'> {
  if (code === undefined) {
    return { kind: 'too_many_params', hint: 'Pass exactly one parameter per placeholder.' }
  }
  const failed = /^(UNIQUE|NOT NULL|CHECK) constraint failed: (.*)$/.exec(message)
  switch (failed?.[1]) {
    case 'UNIQUE': {
      const insert = /^\s*(insert|replace|with)\b/i.test(sql)
      return {
        kind: 'unique_violation',
        ...parseColumns(failed[2] as string),
        hint: insert
          ? 'Add ON CONFLICT DO UPDATE or DO NOTHING to the INSERT.'
          : 'Another row already has these values.',
      }
    }
    case 'NOT NULL':
      return { kind: 'not_null_violation', ...parseColumns(failed[2] as string), hint: 'Set a value for this column.' }
    case 'CHECK':
      return { kind: 'check_violation', constraint: failed[2] as string }
  }
  if (message.startsWith('FOREIGN KEY constraint failed')) {
    return { kind: 'fk_violation', hint: "The referenced row doesn't exist, or other rows still reference this one." }
  }
  const table = /^no such table: (?:main\.)?(.+)$/.exec(message)?.[1]
  if (table) return { kind: 'unknown_table', table, hint: hintForTable(table) }
  const column = /^no such column: (.+)$/.exec(message)?.[1] ?? /^table .+ has no column named (.+)$/.exec(message)?.[1]
  if (column) {
    const [name, owner] = column.split('.').reverse()
    return {
      kind: 'unknown_column',
      column: name as string,
      ...(owner && { table: owner }),
      hint: 'Check the column name. GET …/schema lists all columns.',
    }
  }
  const near = /^near "(.*)": syntax error$/.exec(message)?.[1]
  if (near !== undefined) return { kind: 'syntax_error', near }
  if (/^(incomplete input|unrecognized token)/.test(message)) return { kind: 'syntax_error' }
  if (code.startsWith('SQLITE_MISMATCH') || code === 'SQLITE_CONSTRAINT_DATATYPE') return { kind: 'type_mismatch' }
  if (code.startsWith('SQLITE_LOCKED') || code.startsWith('SQLITE_BUSY')) return { kind: 'database_locked' }
  if (code.startsWith('SQLITE_READONLY')) return { kind: 'readonly' }
  if (message.startsWith('no such function: ')) {
    return { kind: 'not_available', hint: 'See /docs/reference/sql.md on this server for the supported functions.' }
  }
  return { kind: 'unknown' }
}

/** Parses `t.a, t.b` to the table, the first column and all columns. */
function parseColumns(list: string): Pick<SqlErrorDetail, 'table' | 'column' | 'columns'> {
  const columns = list.split(', ').flatMap((item) => {
    const dot = item.indexOf('.')
    return dot > 0 ? [{ table: item.slice(0, dot), column: item.slice(dot + 1) }] : []
  })
  const [first] = columns
  return first ? { table: first.table, column: first.column, columns } : {}
}
