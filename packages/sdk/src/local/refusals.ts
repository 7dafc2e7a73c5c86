import type { PerSQLError } from '../errors.ts'
import { createError } from './sql-error.ts'

// A server has the same sentences: a test compares both.

const SAVEPOINT = 'Start a transaction with POST …/transactions. It can have savepoints.'
const COMMIT = 'Use batch with "transaction": true, or POST …/transactions/{id}/commit.'
const ISOLATED = 'Databases are isolated. Query them one at a time.'

/** Statements that a call can't contain, with their alternatives. */
const INSTEAD: Record<string, string> = {
  BEGIN: 'Use batch with "transaction": true, or start a transaction with POST …/transactions.',
  COMMIT,
  END: COMMIT,
  ROLLBACK:
    'Use batch with "transaction": true, where the first error rolls everything back, or POST …/transactions/{id}/rollback.',
  SAVEPOINT,
  RELEASE: SAVEPOINT,
  ATTACH: ISOLATED,
  DETACH: ISOLATED,
  VACUUM: 'Free space is reused automatically.',
}
/** The alternatives of statements in an interactive transaction. */
const INSTEAD_INSIDE: Record<string, string> = {
  BEGIN: 'Call POST …/transactions.',
  COMMIT: 'Call POST …/transactions/{id}/commit.',
  ROLLBACK: 'Call POST …/transactions/{id}/rollback.',
}

const LEADING = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*/

/** Returns the first word of a statement in upper case. */
export const getVerb = (sql: string): string => /^\w*/.exec(sql.replace(LEADING, ''))?.[0].toUpperCase() ?? ''

const notAllowed = (what: string, instead: string) =>
  createError(400, 'statement_not_allowed', `${what} isn't supported. ${instead}`)

/** @throws PerSQLError `statement_not_allowed` for a statement that no call can contain */
export function assertAllowed(sql: string): void {
  const verb = getVerb(sql)
  const instead = INSTEAD[verb]
  if (instead) throw notAllowed(verb, instead)
}

/** @throws PerSQLError `statement_not_allowed` for a statement that begins or ends an interactive transaction */
export function assertInside(sql: string): void {
  const verb = getVerb(sql).replace(/^END$/, 'COMMIT')
  const instead = INSTEAD_INSIDE[verb]
  if (instead) throw notAllowed(`${verb} in a transaction`, instead)
}

/** @throws PerSQLError `statement_not_allowed` for a statement of a transaction whose errors can undo more or less than it */
export function assertWhole(clause: 'ROLLBACK' | 'FAIL' | undefined): void {
  const what = `The conflict clause ${clause} in a transaction`
  if (clause) throw notAllowed(what, 'Use ABORT, and roll the transaction back if the statement fails.')
}

/** @throws PerSQLError `statement_not_allowed` for a write in a transaction that only reads */
export function assertCanWrite(mode: string): void {
  if (mode === 'read') throw notAllowed('A write in a read transaction', 'Open a transaction that can write.')
}

/** @throws PerSQLError `integer_out_of_range` or `invalid_input` for a parameter that isn't exact in JSON */
export function assertExact(body: unknown): void {
  const { params, statements } = (body ?? {}) as { params?: unknown; statements?: { params?: unknown }[] }
  for (const [i, statement] of statements?.entries() ?? []) assertValues(statement.params, `statements[${i}].params`)
  assertValues(params, 'params')
}

function assertValues(params: unknown, at: string): void {
  for (const [name, value] of Object.entries(params ?? {})) {
    const where = Array.isArray(params) ? `${at}[${name}]` : `${at}.${name}`
    if (Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(`${value}`)) {
      throw outOfRange(`"${where}"`, 'Send it as {"int64": "…"}.')
    }
    const int64 = (value as { int64?: unknown } | null)?.int64
    if (int64 === undefined || isInt64(`${int64}`)) continue
    throw createError(400, 'invalid_input', `"${where}.int64" must be a 64-bit integer as a string.`)
  }
}

const isInt64 = (text: string) => /^-?\d{1,19}$/.test(text) && BigInt(text) === BigInt.asIntN(64, BigInt(text))

/** Returns the error of an integer that JSON parsers would round. */
export const outOfRange = (where: string, instead: string): PerSQLError =>
  createError(
    400,
    'integer_out_of_range',
    `${where} is an integer outside ±9007199254740991, which JSON parsers would round. ${instead}`,
  )
