import { PerSQLError } from '@persql/contract'

/** Nothing of a file is imported because of what stands on a line of it. */
export function importFailed(line: number, reason: string, more: Readonly<Record<string, unknown>> = {}): PerSQLError {
  return new PerSQLError('import_failed', { reason: `Line ${line}: ${reason}` }, { extra: { line, ...more } })
}

/** A refusal of a statement, telling on which line of the file it begins; what SQLite refuses is a failed import. */
export function atLine(cause: unknown, line: number, sql: string): PerSQLError {
  const { code, details, extra, message } = PerSQLError.from(cause)
  if (code === 'internal' || code === 'import_failed') return PerSQLError.from(cause)
  const where = { line, statement: excerpt(sql) }
  const limit = message.startsWith('too many columns on ') ? '. A table can have at most 100 columns.' : ''
  if (code === 'sql_error') return importFailed(line, message + limit, { ...extra, ...where })
  return new PerSQLError(code, details, { cause, extra: { ...extra, ...where } })
}

/** The beginning of a text, to be shown. */
export const excerpt = (text: string): string => (text.length <= 200 ? text : `${text.slice(0, 200)}…`)
