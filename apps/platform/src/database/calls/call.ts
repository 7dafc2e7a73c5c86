import {
  type AutomaticSnapshot,
  isInt64,
  MAX_PARAMETERS,
  MAX_STATEMENTS,
  type MemberRole,
  PerSQLError,
  PROPOSAL_S,
  parameterName,
  type Role,
} from '@persql/contract'
import { assertShallow, isObject, parseDeepObject } from '../../json-object.ts'
import { utf8Length } from '../../sqlite/walk.ts'
import type { Span } from '../../tracing/tracer.ts'
import { TRANSACTION_MODES, type TransactionMode } from '../transactions/control.ts'
import type { Inside } from '../transactions/inside.ts'
import { MAX_SQL_BYTES } from './sql-length.ts'
import type { Bound, IntegerForm, Params } from './values.ts'

/** The caller as authenticated by the Worker, which the objects trust. */
export interface Grant {
  readonly tokenId: string
  /** The ID of the presented secret. After a rotation, the old secret is refused and `tokenId` stays. */
  readonly secretId?: string
  readonly role: Role
  readonly tableScope: readonly string[] | null
  /** Milliseconds since 1970, or `null` for a token that does not expire. */
  readonly expiresAtMs: number | null
  /** The role of the member who calls directly or through an app. It limits the app like the member. */
  readonly memberRole?: MemberRole
  /** `true` for a token that is limited to some databases. */
  readonly pinned?: boolean
  /** For such a token: the ID of the database that it was accepted for. Another one can have the same slug later. */
  readonly databaseId?: string
}

/** Returns the actor for logs: the ID of a member, with its kind, or `token:` and the token ID. */
export const getActor = ({ tokenId }: Pick<Grant, 'tokenId'>): string =>
  tokenId.startsWith('user:') ? tokenId : `token:${tokenId}`

/** A cache of grants by their JSON text. */
export class Grants {
  readonly #known = new Map<string, Grant>()

  of(text: string): Grant {
    let grant = this.#known.get(text)
    if (!grant) {
      grant = JSON.parse(text) as Grant
      if (this.#known.size >= 100) this.#known.clear()
      this.#known.set(text, grant)
    }
    return grant
  }
}

/**
 * A key under which a response is saved and replayed: Idempotency-Key, Plan-Key with Plan-Step, or the ID of a transaction for
 * its commit.
 */
export interface ReplayKey {
  readonly header: 'Idempotency' | 'Plan' | 'Transaction'
  readonly key: string
  /** SHA-256 of the route and the body: the same key with another request is refused. */
  readonly requestHash: string
}

/** One call to a database. The body stays text until the operation parses it. */
export interface DatabaseCall {
  /** An operation of the contract, or a call that another protocol defines. */
  readonly operation: string
  readonly grant: Grant
  readonly body: string
  readonly replayKeys: readonly ReplayKey[]
  /** The ID that the caller gave the request, with which it can cancel it. */
  readonly requestId?: string | undefined
  /** The span of the call, if the trace of its request is recorded. */
  readonly span?: Span | undefined
  /** The automatic snapshot that was created before this repeated run of the call. */
  readonly kept?: AutomaticSnapshot
  /** The ID of the transaction in the path of the request. */
  readonly transactionId?: string | undefined
  /** The ID of the transaction for which this repeated call waited. */
  readonly ticket?: string
  /** The continued transaction in which the call runs. */
  readonly inside?: Inside
}

export interface StatementInput {
  readonly sql: string
  readonly params: Params
  /** How its result contains INTEGER values, exactly; as numbers by default, and a rounded one is refused. */
  readonly integers?: IntegerForm | undefined
  /** Whether the response contains its rows as objects. Columns with equal names are refused then. */
  readonly asObjects?: boolean | undefined
  readonly expect?: { readonly rows?: Count; readonly rowsWritten?: Count }
}
export type Count = number | { readonly min?: number; readonly max?: number }

export interface BatchInput {
  readonly statements: readonly StatementInput[]
  readonly transaction: boolean
}

// The bodies of `query` and `batch` are checked by hand instead of by the contract's schemas, because the runtime
// forbids the code generation that makes those fast. `contract.test.ts` checks that both give the same results. Only
// the search for a rounded integer recurses, so the nesting depth of a body is checked only before that search.

/** Parses the body of `query`. @throws PerSQLError `invalid_json`, `invalid_input` or `integer_out_of_range` */
export function parseQuery(text: string): StatementInput {
  const body = parseDeepObject(text)
  onlyFields(body, ['sql', 'params', ...FORMAT_FIELDS])
  return withFormat(statement(body, undefined, text), body)
}

/** Parses a statement alone. @throws PerSQLError `invalid_json`, `invalid_input` or `integer_out_of_range` */
export function parseStatementBody(text: string): StatementInput {
  const body = parseDeepObject(text)
  onlyFields(body, ['sql', 'params'])
  return statement(body, undefined, text)
}

/** Parses the body of `propose`. @throws PerSQLError `invalid_json`, `invalid_input` or `integer_out_of_range` */
export function parseProposal(text: string): StatementInput & { readonly ttlSec: number } {
  const body = parseDeepObject(text)
  onlyFields(body, ['sql', 'params', 'ttlSec', ...FORMAT_FIELDS])
  const { ttlSec = PROPOSAL_S.standard } = body
  if (!Number.isInteger(ttlSec) || (ttlSec as number) < 1 || (ttlSec as number) > PROPOSAL_S.longest) {
    refuse(`"ttlSec" must be an integer from 1 to ${PROPOSAL_S.longest.toLocaleString('en-US')} (seconds).`)
  }
  return { ...withFormat(statement(body, undefined, text), body), ttlSec: ttlSec as number }
}

/** Parses the token of a proposal. @throws PerSQLError `invalid_json` or `invalid_input` */
export function parseApply(text: string): string {
  const body = parseDeepObject(text)
  onlyFields(body, ['executionToken'])
  if (typeof body.executionToken !== 'string') refuse('"executionToken" must be the string returned by propose.')
  return body.executionToken as string
}

/** Parses the body of `batch`. @throws PerSQLError `invalid_json`, `invalid_input` or `integer_out_of_range` */
export function parseBatch(text: string): BatchInput {
  const body = parseDeepObject(text)
  onlyFields(body, ['statements', 'transaction', ...FORMAT_FIELDS])
  const { statements, transaction = false } = body
  const list = statementList(statements, 'batch')
  if (typeof transaction !== 'boolean') refuse('"transaction" must be true or false.')
  return { transaction: transaction as boolean, statements: listedStatements(list, text, body) }
}

/** The body of `script`. */
interface ScriptInput extends Pick<StatementInput, 'integers' | 'asObjects'> {
  readonly sql: string
  readonly transaction: boolean
}

/** Parses the body of `script`. @throws PerSQLError `invalid_json` or `invalid_input` */
export function parseScriptCall(text: string, maxCharacters: number): ScriptInput {
  const body = parseDeepObject(text)
  onlyFields(body, ['sql', 'transaction', ...FORMAT_FIELDS])
  const { sql, transaction = false } = body
  if (typeof sql !== 'string' || sql === '') refuse('"sql" must be a string with SQL statements.')
  if ((sql as string).length > maxCharacters) {
    refuse(`"sql" can have at most ${maxCharacters.toLocaleString('en-US')} characters.`)
  }
  if (!(sql as string).isWellFormed()) refuse('"sql" contains an unpaired surrogate, which isn\'t valid Unicode.')
  if (typeof transaction !== 'boolean') refuse('"transaction" must be true or false.')
  const { params: _none, ...format } = withFormat({ sql: sql as string, params: [] }, body)
  return { ...format, transaction: transaction as boolean }
}

/** The body of a call of a transaction. */
interface TransactionInput {
  readonly statements: readonly StatementInput[]
  readonly mode: TransactionMode
  readonly step: number
}

/**
 * Parses the body of a call of a transaction, which can have these fields. `statements` can be missing unless the call is a
 * numbered step. @throws PerSQLError `invalid_json`, `invalid_input` or `integer_out_of_range`
 */
export function parseTransactionCall(text: string, fields: readonly (keyof TransactionInput)[]): TransactionInput {
  const body = text === '' ? {} : parseDeepObject(text)
  const hasResults = fields.includes('statements')
  onlyFields(body, hasResults ? [...fields, ...FORMAT_FIELDS] : fields)
  const { statements, mode = 'deferred', step } = body
  const isStep = fields.includes('step')
  if (!TRANSACTION_MODES.includes(mode as TransactionMode)) {
    refuse('"mode" must be "deferred", "write" or "read".')
  }
  if (isStep && !(Number.isSafeInteger(step) && (step as number) > 0))
    refuse('"step" must be an integer: 1 for the first step, then 2, and so on.')
  const list = statements === undefined && !isStep ? [] : statementList(statements, 'request')
  if (hasResults) assertFormat(body)
  return { statements: listedStatements(list, text, body), mode: mode as TransactionMode, step: (step as number) ?? 0 }
}

function statementList(statements: unknown, unit: string): unknown[] {
  if (!Array.isArray(statements) || statements.length === 0) refuse('"statements" must be a non-empty array.')
  const list = statements as unknown[]
  if (list.length > MAX_STATEMENTS)
    refuse(`"statements" has ${list.length} items. The maximum is ${MAX_STATEMENTS} per ${unit}.`)
  return list
}

const listedStatements = (list: readonly unknown[], text: string, body: Record<string, unknown>): StatementInput[] =>
  list.map((item, i) => {
    if (!isObject(item)) refuse(`"statements[${i}]" must be an object with "sql" and "params".`)
    const fields = item as Record<string, unknown>
    onlyFields(fields, STATEMENT_FIELDS, i)
    const input = withFormat(statement(fields, i, text), body)
    if (fields.expect === undefined) return input
    return { ...input, expect: expectation(fields.expect, `${formatPlace(i)}expect`) }
  })

const FORMAT_FIELDS = ['int64', 'rows']
const INTEGER_FORMS: ReadonlySet<unknown> = new Set(['number', 'text', 'object'])

/** Adds the form of the results that a body asks for. */
function withFormat(input: StatementInput, { int64, rows }: Record<string, unknown>): StatementInput {
  if (int64 === undefined && rows === undefined) return input
  assertFormat({ int64, rows })
  const integers = int64 === 'number' ? undefined : (int64 as IntegerForm | undefined)
  return { ...input, ...(integers && { integers }), ...(rows !== undefined && { asObjects: true }) }
}

/** @throws PerSQLError `invalid_input` */
function assertFormat({ int64, rows }: Record<string, unknown>): void {
  if (int64 !== undefined && !INTEGER_FORMS.has(int64)) refuse('"int64" must be "number", "text" or "object".')
  if (rows !== undefined && rows !== 'objects') refuse('"rows" must be "objects".')
}

/** The position of an invalid value: the index of a statement in a batch, or `undefined` for the body itself. */
type Place = number | undefined

/** Paths are built only for errors: a batch of 100 statements has hundreds. */
const formatPlace = (place: Place): string => (place === undefined ? '' : `statements[${place}].`)

function statement(body: Record<string, unknown>, place: Place, text: string): StatementInput {
  const { sql, params = [] } = body
  if (typeof sql !== 'string' || sql === '')
    refuse(`"${formatPlace(place)}sql" must be a string with one SQL statement.`)
  assertLength(sql as string)
  if (!(sql as string).isWellFormed()) {
    refuse(`"${formatPlace(place)}sql" contains an unpaired surrogate, which isn't valid Unicode.`)
  }
  return { sql: sql as string, params: parseParams(params, place, text) }
}

function parseParams(params: unknown, place: Place, text: string): Params {
  if (Array.isArray(params)) {
    if (params.length > MAX_PARAMETERS) throw tooManyParameters(formatPlace(place), params.length)
    return params.map((value, i) => bound(value, place, i, text))
  }
  if (!isObject(params)) refuse(`"${formatPlace(place)}params" must be an array, or an object with names.`)
  const entries = Object.entries(params as object)
  if (entries.length > MAX_PARAMETERS) throw tooManyParameters(formatPlace(place), entries.length)
  const named = new Map<string, Bound>()
  for (const [key, value] of entries) {
    const name = parameterName(key)
    if (name === '' || named.has(name)) {
      refuse(`"${formatPlace(place)}params" ${name === '' ? 'has an empty name' : `has "${name.slice(0, 80)}" twice`}.`)
    }
    named.set(name, bound(value, place, key, text))
  }
  return named
}

/** Refuses a statement that SQLite would refuse, before anything parses it. @throws PerSQLError `statement_too_long` */
function assertLength(sql: string): void {
  if (sql.length <= MAX_SQL_BYTES / 3) return
  const bytes = sql.length > MAX_SQL_BYTES ? sql.length : utf8Length(sql)
  if (bytes <= MAX_SQL_BYTES) return
  const message = 'A statement can have at most 100,000 bytes.'
  const hint = 'Send long values as parameters.'
  throw new PerSQLError('statement_too_long', {}, { extra: { errorDetail: { kind: 'limit_exceeded', message, hint } } })
}

function tooManyParameters(at: string, given: number): PerSQLError {
  const problem = `"${at}params" has ${given.toLocaleString('en-US')} items. The maximum is ${MAX_PARAMETERS.toLocaleString('en-US')} per statement.`
  const errorDetail = { kind: 'too_many_params', message: problem }
  return new PerSQLError('invalid_input', { problem }, { extra: { errorDetail } })
}

function bound(value: unknown, place: Place, index: number | string, text: string): Bound {
  const at = () => `${formatPlace(place)}params${typeof index === 'number' ? `[${index}]` : `.${index.slice(0, 80)}`}`
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) refuse(`"${at()}" contains an unpaired surrogate, which isn't valid Unicode.`)
      return value
    case 'number':
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) refuseRounded(value, at(), text)
      return value
    case 'boolean':
      return value ? 1 : 0
    case 'object': {
      if (value === null) return null
      const { base64, int64, ...rest } = value as Record<string, unknown>
      if (Object.keys(rest).length > 0 || (base64 === undefined) === (int64 === undefined)) break
      if (int64 !== undefined) return parseInt64(int64, at())
      if (typeof base64 !== 'string') break
      try {
        return Uint8Array.fromBase64(base64)
      } catch (cause) {
        throw new PerSQLError('invalid_input', { problem: `"${at()}.base64" must be valid base64.` }, { cause })
      }
    }
  }
  return refuse(`"${at()}" must be a string, number, boolean, null, {"base64": "…"} or {"int64": "…"}.`)
}

function parseInt64(value: unknown, at: string): bigint {
  if (typeof value !== 'string' || !isInt64(value)) refuse(`"${at}.int64" must be a 64-bit integer as a string.`)
  return BigInt(value as string)
}

/**
 * Refuses an integer that has lost digits. A number this large is valid only if it was written as a REAL (1e16,
 * 2.5e20).
 */
function refuseRounded(value: number, at: string, text: string): void {
  assertShallow(text)
  let integers = false
  JSON.parse(text, (_key, parsed: unknown, context?: { source?: string }) => {
    if (parsed === value && /^-?\d+$/.test(context?.source ?? '')) integers = true
    return parsed
  })
  if (integers)
    throw new PerSQLError('integer_out_of_range', { where: `"${at}"`, instead: 'Send it as {"int64": "…"}.' })
}

function expectation(value: unknown, at: string): NonNullable<StatementInput['expect']> {
  if (!isObject(value)) refuse(`"${at}" must be an object with "rows" or "rowsWritten".`)
  const fields = value as Record<string, unknown>
  onlyFields(fields, ['rows', 'rowsWritten'], `${at}.`)
  for (const [name, count] of Object.entries(fields)) if (count !== undefined) checkCount(count, `${at}.${name}`)
  return fields as NonNullable<StatementInput['expect']>
}

function checkCount(value: unknown, at: string): void {
  if (isCount(value)) return
  if (isObject(value)) {
    onlyFields(value, ['min', 'max'], `${at}.`)
    const bounds = Object.values(value)
    if (bounds.length > 0 && bounds.every(isCount)) return
  }
  refuse(`"${at}" must be an integer, or {"min": n, "max": n}.`)
}

const STATEMENT_FIELDS = ['sql', 'params', 'expect']

function onlyFields(body: Record<string, unknown>, known: readonly string[], at: Place | string = undefined): void {
  for (const name in body) {
    if (known.includes(name)) continue
    const path = typeof at === 'string' ? at : formatPlace(at)
    refuse(`Unknown field "${path}${name.slice(0, 80)}". Allowed: ${known.join(', ')}.`)
  }
}

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0

function refuse(problem: string): never {
  throw new PerSQLError('invalid_input', { problem })
}
