import { PerSQLError } from '@persql/contract'

/** Returns the error of an import that fails on a line of its file; nothing is imported. */
export function importFailed(line: number, reason: string, more: Readonly<Record<string, unknown>> = {}): PerSQLError {
  return new PerSQLError('import_failed', { reason: `Line ${line}: ${reason}` }, { extra: { line, ...more } })
}

/** Adds the line of a statement in the file to its error; errors of SQLite become `import_failed`. */
export function atLine(cause: unknown, line: number, sql: string): PerSQLError {
  const { code, details, extra, message } = PerSQLError.from(cause)
  if (code === 'internal' || code === 'import_failed') return PerSQLError.from(cause)
  const where = { line, statement: excerpt(sql) }
  const limit = message.startsWith('too many columns on ') ? '. A table can have at most 100 columns.' : ''
  if (code === 'sql_error') return importFailed(line, message + limit, { ...extra, ...where })
  return new PerSQLError(code, details, { cause, extra: { ...extra, ...where } })
}

/** Returns the start of a text, for display. */
export const excerpt = (text: string): string => (text.length <= 200 ? text : `${text.slice(0, 200)}…`)

/**
 * Checks that the columns of a file are distinct. `keys` are the names as they are compared. @throws PerSQLError
 * `import_failed`
 */
export function assertDistinct(names: readonly string[], keys: readonly string[], line: number): void {
  const seen = new Set<string>()
  for (const [i, key] of keys.entries()) {
    if (seen.has(key)) throw importFailed(line, `Duplicate column name "${excerpt(names[i] as string)}".`)
    seen.add(key)
  }
}
