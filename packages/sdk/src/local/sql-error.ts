import { PerSQLError } from '../errors.ts'
import type { SqlErrorDetail } from '../types.ts'

/** Creates an error with the fields that a server would send. */
export const createError = (
  status: number,
  code: string,
  message: string,
  body: Record<string, unknown> = {},
): PerSQLError => new PerSQLError({ status, code, message, body: { success: false, error: message, code, ...body } })

/** Converts an error of SQLite to the error that a server would send. */
export function sqlError(cause: unknown): PerSQLError {
  if (cause instanceof PerSQLError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  return createError(400, 'sql_error', message, { errorDetail: { message, ...detail(message) } })
}

function detail(message: string): Omit<SqlErrorDetail, 'message'> {
  const [, constraint, what = ''] = /^(UNIQUE|NOT NULL|CHECK) constraint failed: (.*)$/.exec(message) ?? []
  if (constraint === 'UNIQUE') return { kind: 'unique_violation', ...parseColumns(what) }
  if (constraint === 'NOT NULL') return { kind: 'not_null_violation', ...parseColumns(what) }
  if (constraint === 'CHECK') return { kind: 'check_violation', constraint: what }
  if (message.startsWith('FOREIGN KEY constraint failed')) return { kind: 'fk_violation' }
  const table = /^no such table: (?:main\.)?(.+)$/.exec(message)?.[1]
  if (table) return { kind: 'unknown_table', table }
  const column = /^no such column: (.+)$/.exec(message)?.[1] ?? /^table .+ has no column named (.+)$/.exec(message)?.[1]
  if (column) {
    // SQLite appends a hint after names in double quotes.
    const [name = '', owner] = column
      .replace(/ - should this be .*$/, '')
      .split('.')
      .reverse()
    return { kind: 'unknown_column', column: name.replaceAll('"', ''), ...(owner && { table: owner }) }
  }
  const near = /^near "(.*)": syntax error$/.exec(message)?.[1]
  if (near !== undefined) return { kind: 'syntax_error', near }
  if (/^(incomplete input|unrecognized token)/.test(message)) return { kind: 'syntax_error' }
  if (/datatype mismatch|cannot store/.test(message)) return { kind: 'type_mismatch' }
  if (/database (table )?is locked/.test(message)) return { kind: 'database_locked' }
  if (/readonly/.test(message)) return { kind: 'readonly' }
  return { kind: 'unknown' }
}

function parseColumns(list: string): Pick<SqlErrorDetail, 'table' | 'column' | 'columns'> {
  const columns = list.split(', ').flatMap((item) => {
    const dot = item.indexOf('.')
    return dot > 0 ? [{ table: item.slice(0, dot), column: item.slice(dot + 1) }] : []
  })
  const [first] = columns
  return first ? { ...first, columns } : {}
}
