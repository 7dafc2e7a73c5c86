import { isInt64, PerSQLError, parameterName } from '@persql/contract'
import { isObject, parseDeepObject } from '../../json-object.ts'
import { utf8Length } from '../../sqlite/walk.ts'
import { MAX_SQL_BYTES } from '../calls/sql-length.ts'
import { type Bound, type Params, Real } from '../calls/values.ts'
import type { Condition, LibsqlError, LibsqlStatement, Step, StreamRequest } from './protocol.ts'

/** The maximum number of statements in one request, in all its batches. */
export const MAX_STATEMENTS = 10_000
/** The maximum nesting depth of a condition. */
const MAX_DEPTH = 32
/** The maximum number of SQL texts that a stream stores, and the maximum length of each in UTF-8. */
const MAX_STORED = 50
const MAX_STORED_BYTES = 20_000

/** SQL texts by the IDs that the client gave them. */
export type StoredSql = ReadonlyMap<number, string>
export const NOTHING_STORED: StoredSql = new Map()

/** The body of a pipeline, before its requests are parsed: they can name the stored SQL of the stream. */
export interface PipelineBody {
  readonly baton: string | null
  readonly requests: readonly unknown[]
}

/** A parsed pipeline, and the SQL that is stored after it. */
export interface Pipeline {
  readonly requests: readonly StreamRequest[]
  readonly stored: StoredSql
}

/** Parses the body of a pipeline. @throws PerSQLError `invalid_json` or `invalid_input` */
export function parsePipelineBody(text: string): PipelineBody {
  const { baton, requests } = parseDeepObject(text)
  if (!Array.isArray(requests)) refuse('"requests" must be an array.')
  return { baton: parseBaton(baton), requests: requests as unknown[] }
}

/** Parses the body of a cursor. @throws PerSQLError `invalid_json` or `invalid_input` */
export function parseCursorBody(text: string): { readonly baton: string | null; readonly batch: unknown } {
  const { baton, batch } = parseDeepObject(text)
  return { baton: parseBaton(baton), batch }
}

/**
 * Parses the requests of a pipeline. Nothing has run if one of them is invalid.
 * @param stored the SQL that earlier requests of the stream stored
 * @throws PerSQLError `invalid_input`
 */
export function parseRequests(list: readonly unknown[], stored: StoredSql): Pipeline {
  const parser = new RequestParser(stored)
  const requests = list.map((item, i) => parser.request(item, `requests[${i}]`))
  const closed = requests.findIndex(({ type }) => type === 'close')
  if (closed >= 0 && closed < requests.length - 1) refuse('"close" must be the last request.')
  return { requests, stored: closed >= 0 ? new Map() : parser.stored }
}

/** Parses the batch of a cursor. @throws PerSQLError `invalid_input` */
export const parseBatch = (batch: unknown, stored: StoredSql): readonly Step[] =>
  new RequestParser(stored).batch(batch, 'batch')

/** Parsed requests of a WebSocket. */
export interface SocketBody {
  readonly baton: string | null
  readonly requests: readonly StreamRequest[]
}

/**
 * Parses requests that a stream of a WebSocket received. SQL is stored for the whole socket, so each request comes with what
 * it uses.
 * @throws PerSQLError `invalid_json` or `invalid_input`
 */
export function parseSocketBody(body: string): SocketBody {
  const { baton, requests: list } = parseDeepObject(body)
  const parser = new RequestParser(NOTHING_STORED)
  const requests = array(list, 'requests').map((item) => {
    const { stored, message } = object(item, 'request')
    parser.stored = new Map(array(stored, 'stored') as readonly (readonly [number, string])[])
    const request = object(object(message, 'message').request, 'request')
    if (request.type !== 'open_cursor') return parser.request(request, 'request')
    return { type: 'open_cursor', steps: parser.batch(request.batch, 'request.batch') } as const
  })
  return { baton: parseBaton(baton), requests }
}

/** Parses requests in their order, because they store the SQL that later ones use. */
class RequestParser {
  stored: Map<number, string>
  #statements = 0

  constructor(stored: StoredSql) {
    this.stored = new Map(stored)
  }

  request(item: unknown, at: string): StreamRequest {
    const fields = object(item, at)
    const { type } = fields
    switch (type) {
      case 'execute':
        return { type, statement: this.#statement(fields.stmt, `${at}.stmt`) }
      case 'batch':
        return { type, steps: this.batch(fields.batch, `${at}.batch`) }
      case 'sequence':
      case 'describe':
        this.#count()
        return { type, sql: this.#sql(fields, at) }
      case 'store_sql':
        return { type, refusal: this.#store(fields, at) }
      case 'close_sql':
        this.stored.delete(id(fields.sql_id, `${at}.sql_id`))
        return { type }
      case 'get_autocommit':
      case 'close':
        return { type }
      default:
        return refuse(`"${at}.type" must be a request of the libSQL protocol, such as "execute" or "batch".`)
    }
  }

  batch(value: unknown, at: string): readonly Step[] {
    const { steps } = object(value, at)
    if (!Array.isArray(steps)) refuse(`"${at}.steps" must be an array.`)
    return (steps as unknown[]).map((item, i) => {
      const place = `${at}.steps[${i}]`
      const { stmt, condition } = object(item, place)
      return {
        statement: this.#statement(stmt, `${place}.stmt`),
        condition: condition == null ? undefined : parseCondition(condition, i, `${place}.condition`),
      }
    })
  }

  #statement(value: unknown, at: string): LibsqlStatement {
    this.#count()
    const fields = object(value, at)
    const { args, named_args: named, want_rows: wantsRows = true } = fields
    if (typeof wantsRows !== 'boolean') refuse(`"${at}.want_rows" must be true or false.`)
    const sql = this.#sql(fields, at)
    const positional = array(args, `${at}.args`).map((each, i) => parseValue(each, `${at}.args[${i}]`))
    const names = parseNames(array(named, `${at}.named_args`), `${at}.named_args`)
    const params: Params = names.size > 0 ? names : positional
    const statement = { sql, params, wantsRows: wantsRows as boolean }
    if (names.size > 0 && positional.length > 0) return { ...statement, refusal: BOTH }
    return isLonger(sql, MAX_SQL_BYTES) ? { ...statement, refusal: TOO_LONG } : statement
  }

  #sql({ sql, sql_id: sqlId }: Record<string, unknown>, at: string): string {
    if ((sql == null) === (sqlId == null)) refuse(`"${at}" must have either "sql" or "sql_id".`)
    if (sql != null) return text(sql, `${at}.sql`)
    const known = this.stored.get(id(sqlId, `${at}.sql_id`))
    return known ?? refuse(`"${at}.sql_id" is ${sqlId}, but the stream has no SQL with this ID.`)
  }

  #store(fields: Record<string, unknown>, at: string): LibsqlError | undefined {
    const [key, sql] = [id(fields.sql_id, `${at}.sql_id`), text(fields.sql, `${at}.sql`)]
    if (this.stored.has(key)) refuse(`"${at}.sql_id" is ${key}, which already has SQL. Close it first.`)
    if (this.stored.size >= MAX_STORED) return TOO_MANY_STORED
    if (isLonger(sql, MAX_STORED_BYTES)) return STORED_TOO_LARGE
    this.stored.set(key, sql)
    return undefined
  }

  #count(): void {
    if (++this.#statements > MAX_STATEMENTS) {
      refuse(`The request has more than ${MAX_STATEMENTS.toLocaleString('en-US')} statements, which is the maximum.`)
    }
  }
}

/** Parses a condition of the step `index`. @throws PerSQLError `invalid_input` */
export function parseCondition(value: unknown, index: number, at: string, depth = 1): Condition {
  if (depth > MAX_DEPTH) refuse(`"${at}" is nested more than ${MAX_DEPTH} levels deep.`)
  const { type, step, cond, conds } = object(value, at)
  const inner = (each: unknown) => parseCondition(each, index, at, depth + 1)
  switch (type) {
    case 'ok':
    case 'error': {
      const isEarlier = Number.isInteger(step) && (step as number) >= 0 && (step as number) < index
      return isEarlier ? { type, step: step as number } : refuse(`"${at}" must name an earlier step, from 0.`)
    }
    case 'not':
      return { type, cond: inner(cond) }
    case 'and':
    case 'or':
      return { type, conds: array(conds, `${at}.conds`).map(inner) }
    case 'is_autocommit':
      return { type }
    default:
      return refuse(`"${at}.type" must be "ok", "error", "not", "and", "or" or "is_autocommit".`)
  }
}

/** Parses a value of the protocol. @throws PerSQLError `invalid_input` */
export function parseValue(item: unknown, at: string): Bound {
  const { type, value, base64 } = object(item, at)
  switch (type) {
    case 'null':
      return null
    case 'integer':
      return parseInteger(value, at)
    case 'float':
      return typeof value === 'number' ? new Real(value) : refuse(`"${at}.value" must be a number.`)
    case 'text':
      return text(value, `${at}.value`)
    case 'blob':
      try {
        return Uint8Array.fromBase64(base64 as string)
      } catch (cause) {
        throw new PerSQLError('invalid_input', { problem: `"${at}.base64" must be valid base64.` }, { cause })
      }
    default:
      return refuse(`"${at}.type" must be "null", "integer", "float", "text" or "blob".`)
  }
}

function parseInteger(value: unknown, at: string): bigint {
  if (typeof value === 'string' && isInt64(value)) return BigInt(value)
  return refuse(`"${at}.value" must be a string with an integer of 64 bits.`)
}

/** Parses named arguments. Clients send names with or without their prefix. */
function parseNames(list: readonly unknown[], at: string): Map<string, Bound> {
  const values = new Map<string, Bound>()
  list.forEach((item, i) => {
    const { name: given, value } = object(item, `${at}[${i}]`)
    const name = parameterName(text(given, `${at}[${i}].name`))
    if (name === '' || values.has(name)) refuse(`"${at}[${i}].name" must be a name that no other argument has.`)
    values.set(name, parseValue(value, `${at}[${i}].value`))
  })
  return values
}

function parseBaton(baton: unknown): string | null {
  if (baton == null) return null
  return typeof baton === 'string' ? baton : refuse('"baton" must be a string or null.')
}

function id(value: unknown, at: string): number {
  return Number.isInteger(value) ? (value as number) : refuse(`"${at}" must be an integer.`)
}

function text(value: unknown, at: string): string {
  if (typeof value !== 'string') return refuse(`"${at}" must be a string.`)
  return value.isWellFormed() ? value : refuse(`"${at}" contains an unpaired surrogate, which isn't valid Unicode.`)
}

const array = (value: unknown, at: string): readonly unknown[] =>
  value == null ? [] : Array.isArray(value) ? value : refuse(`"${at}" must be an array.`)

const object = (value: unknown, at: string): Record<string, unknown> =>
  isObject(value) ? (value as Record<string, unknown>) : refuse(`"${at}" must be an object.`)

/** Returns whether a text is longer than `bytes` in UTF-8. */
export const isLonger = (sql: string, bytes: number): boolean =>
  sql.length > bytes / 3 && (sql.length > bytes || utf8Length(sql) > bytes)

const BOTH: LibsqlError = {
  message: 'A statement can have "args" or "named_args", but not both.',
  code: 'ARGS_BOTH_POSITIONAL_AND_NAMED',
}
/** The error for a statement that exceeds SQLite's limit. */
export const TOO_LONG: LibsqlError = {
  message: 'A statement can have at most 100,000 bytes. Send long values as parameters.',
  code: 'SQLITE_TOOBIG',
}
const TOO_MANY_STORED: LibsqlError = {
  message: `A stream can store at most ${MAX_STORED} SQL texts.`,
  code: 'SQL_STORE_TOO_MANY',
}
const STORED_TOO_LARGE: LibsqlError = {
  message: `A stored SQL text can have at most ${MAX_STORED_BYTES.toLocaleString('en-US')} bytes.`,
  code: 'SQL_STORE_TOO_LARGE',
}

function refuse(problem: string): never {
  throw new PerSQLError('invalid_input', { problem })
}
