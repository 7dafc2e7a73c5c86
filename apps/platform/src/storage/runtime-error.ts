import { PerSQLError } from '@persql/contract'
import { storageFull } from '../disk-space.ts'

/**
 * The runtime's limit for a transaction that blocks other calls. After it, the runtime restarts the object and its
 * memory is lost.
 */
export const RUNTIME_LIMIT_S = 30

/** Converts an error as `PerSQLError.from` does, and also recognizes the runtime's errors for time and disk space. */
export function toTransactionError(cause: unknown): PerSQLError {
  const error = PerSQLError.from(cause)
  if (error.code !== 'internal') return error
  const text = String(cause)
  if (text.includes(WAITED)) return new PerSQLError('took_too_long', { seconds: RUNTIME_LIMIT_S }, { cause })
  return isDiskFull(text) ? storageFull(cause) : error
}

/** The result code of SQLite, and its extended code if it differs, at the end of the runtime's messages. */
export const SQLITE_CODE = /: (SQLITE_[A-Z_]+)(?: \(extended: (SQLITE_[A-Z_]+)\))?\.?$/

/**
 * Returns whether this message of the runtime is about a full disk. SQLite can't extend a file then, which includes the
 * shared memory that it needs to open one.
 */
export function isDiskFull(message: string): boolean {
  const [, code, extended] = SQLITE_CODE.exec(message) ?? []
  return code === 'SQLITE_FULL' || extended === 'SQLITE_IOERR_SHMSIZE'
}

/**
 * Returns whether this message of the runtime is about a damaged file. Virtual tables and sequences don't count: their
 * content is a tenant's own.
 */
export function isFileDamaged(message: string): boolean {
  const [, code, extended = ''] = SQLITE_CODE.exec(message) ?? []
  if (code === 'SQLITE_CORRUPT') return extended !== 'SQLITE_CORRUPT_VTAB' && extended !== 'SQLITE_CORRUPT_SEQUENCE'
  return code === 'SQLITE_NOTADB'
}

/** Returns whether this message of the runtime is about a file that SQLite can't open. */
export const isUnopenable = (message: string): boolean => SQLITE_CODE.exec(message)?.[1] === 'SQLITE_CANTOPEN'

const WAITED = 'blockConcurrencyWhile() in a Durable Object waited for too long'
