import { PerSQLError } from '@persql/contract'
import {
  boundFields,
  type EndpointSpec,
  type FieldSpec,
  formatCount,
  getMaxLength,
  isRequired,
} from '@persql/endpoint-spec'
import { RE2JS } from 're2js'
import * as z from 'zod'
import { parseDeepObject } from '../../json-object.ts'
import type { Bound } from '../calls/values.ts'
import { invalidSpec } from './validate-spec.ts'

/** The user that a session belongs to. */
export interface Session {
  readonly userId: string
  readonly email: string | null
  /** Seconds since 1970. */
  readonly issuedAtS: number
}

/** Validated input of a call: the values to bind in order, and all values by name. */
export interface Input {
  readonly bound: readonly Bound[]
  readonly byName: Readonly<Record<string, Bound>>
}

/** Parses a query string or a JSON body. @throws PerSQLError `invalid_json` or `fields_refused` */
export type InputReader = (method: EndpointSpec['method'], text: string, session: Session | undefined) => Input

/** No application sends deeper values; SQLite's own JSON functions stop at 1,000 levels. */
const MAX_DEPTH = 100
const MAX_URL = 2_048

type Check = (value: unknown) => { value: Bound } | { problem: string }

/**
 * Returns the function that parses and checks the input of a spec. Patterns run in linear time for every text, so a
 * caller can't block the database. @throws PerSQLError `invalid_spec` when a pattern is not supported
 */
export function inputReader(spec: EndpointSpec): InputReader {
  const fields = spec.input.filter(({ name }) => !name.startsWith('$'))
  const checks = new Map(fields.map((field) => [field.name, createCheck(field, spec)]))
  const required = new Set(fields.filter((field) => isRequired(field, spec.kind)).map(({ name }) => name))
  const order = boundFields(spec)
  return (method, text, session) => {
    const problems: Record<string, string> = {}
    const given = method === 'GET' ? fromQuery(text, fields, problems) : text === '' ? {} : parseDeepObject(text)
    const byName: Record<string, Bound> = {}
    for (const name of Object.keys(given)) {
      if (!checks.has(name)) setOwn(problems, name.slice(0, 80), 'Unknown field.')
    }
    for (const [name, check] of checks) {
      const value = Object.hasOwn(given, name) ? given[name] : undefined
      if (Object.hasOwn(problems, name)) continue
      if (value === undefined || value === null || (value === '' && required.has(name))) {
        if (required.has(name)) problems[name] = 'This field is required.'
        byName[name] = null
        continue
      }
      const checked = check(value)
      if ('problem' in checked) problems[name] = checked.problem
      else byName[name] = checked.value
    }
    if (Object.keys(problems).length > 0) throw fieldsRefused(problems)
    return {
      byName,
      bound: order.map((field) =>
        field.name.startsWith('$') ? ofSession(field, session) : (byName[field.name] ?? null),
      ),
    }
  }
}

/** @param fields the problem of each field, as a sentence */
export function fieldsRefused(fields: Readonly<Record<string, string>>): PerSQLError {
  const names = Object.keys(fields)
    .slice(0, 20)
    .map((name) => `"${name}"`)
  const listed = `${names.length === 1 ? 'field' : 'fields'} ${names.join(', ')}`
  return new PerSQLError('fields_refused', { fields: listed }, { extra: { fields } })
}

/**
 * Converts each value of a query string from text to the type of its field. Unknown parameters are ignored, except
 * names that start with `$`: they claim to come from the session, and the caller reports them.
 */
function fromQuery(
  query: string,
  fields: readonly FieldSpec[],
  problems: Record<string, string>,
): Record<string, unknown> {
  const given: Record<string, unknown> = {}
  const types = new Map(fields.map(({ name, type }) => [name, type]))
  for (const [name, text] of parsePairs(query)) {
    if (!types.has(name) && !name.startsWith('$')) continue
    if (Object.hasOwn(given, name)) setOwn(problems, name.slice(0, 80), 'This field is set more than once.')
    setOwn(given, name, coerced(text, types.get(name)))
  }
  return given
}

/** `URLSearchParams` costs noticeable time per call, and most queries need no decoding. */
function parsePairs(query: string): Iterable<readonly [string, string]> {
  if (/[%+]/.test(query)) return new URLSearchParams(query)
  return query
    .split('&')
    .filter(Boolean)
    .map((pair) => {
      const at = pair.indexOf('=')
      return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
    })
}

function coerced(text: string, type: FieldSpec['type'] | undefined): unknown {
  switch (type) {
    case 'integer':
    case 'number':
      return /^\s*$/.test(text) ? null : Number.isNaN(Number(text)) ? text : Number(text)
    case 'boolean':
      return text === '' ? null : /^(true|1)$/i.test(text) ? true : /^(false|0)$/i.test(text) ? false : text
    case 'json':
      try {
        return text === '' ? null : JSON.parse(text)
      } catch {
        return UNREADABLE
      }
    default:
      return text
  }
}

/** Marks JSON that can't be parsed; no value that a caller sends equals it. */
const UNREADABLE = Symbol('unreadable')

function createCheck(field: FieldSpec, { kind, input }: EndpointSpec): Check {
  const { type, min, max } = field
  switch (type) {
    case 'integer':
    case 'number': {
      const bounds: [boolean, (value: number) => boolean, string][] = [
        [true, (value) => type === 'number' || Number.isInteger(value), 'Must be an integer.'],
        [
          true,
          (value) => !Number.isInteger(value) || Number.isSafeInteger(value),
          `Must be within ±${Number.MAX_SAFE_INTEGER}.`,
        ],
        [min !== undefined, (value) => value >= (min as number), `Must be at least ${min}.`],
        [max !== undefined, (value) => value <= (max as number), `Must be at most ${max}.`],
      ]
      return (value) => {
        if (typeof value !== 'number' || !Number.isFinite(value)) return { problem: 'Must be a number.' }
        const broken = bounds.find(([applies, holds]) => applies && !holds(value))
        return broken ? { problem: broken[2] } : { value }
      }
    }
    case 'boolean':
      return (value) => (typeof value === 'boolean' ? { value: value ? 1 : 0 } : { problem: 'Must be true or false.' })
    case 'json':
      return (value) => {
        if (value === UNREADABLE) return { problem: 'Must be valid JSON.' }
        if (isDeep(value)) return { problem: `Must not be nested more than ${MAX_DEPTH} levels deep.` }
        const text = JSON.stringify(value)
        const { maxLength } = field
        if (!text.isWellFormed()) return { problem: NOT_UNICODE }
        return maxLength !== undefined && text.length > maxLength ? { problem: tooLong(maxLength) } : { value: text }
      }
    default: {
      const maxLength = getMaxLength(field, kind) ?? Number.POSITIVE_INFINITY
      const allowed = field.enum && new Set(field.enum)
      const pattern = field.pattern === undefined ? undefined : compiled(field.pattern, input.indexOf(field))
      return (value) => {
        if (typeof value !== 'string') return { problem: 'Must be a string.' }
        if (!value.isWellFormed()) return { problem: NOT_UNICODE }
        if (value.length > maxLength) return { problem: tooLong(maxLength) }
        if (type === 'email' && !EMAIL.safeParse(value).success) return { problem: 'Must be an email address.' }
        if (type === 'url' && !isUrl(value)) return { problem: 'Must be a URL that starts with http:// or https://.' }
        if (allowed && !allowed.has(value))
          return { problem: `Must be one of ${[...allowed].join(', ').slice(0, 500)}.` }
        if (pattern && !pattern.test(value)) return { problem: 'Invalid format.' }
        return { value }
      }
    }
  }
}

const SEND_SESSION = 'Send the session token as "Authorization: Bearer <session token>".'

/** Creates the error for a call without a session. `instead` is the advice in its message. */
export const sessionMissing = (instead = SEND_SESSION) => new PerSQLError('session_missing', { instead })

function ofSession({ name, type }: FieldSpec, session: Session | undefined): Bound {
  if (!session) throw sessionMissing()
  const value = { $user_id: session.userId, $user_email: session.email, $session_iat: session.issuedAtS }[name] ?? null
  if ((type !== 'integer' && type !== 'number') || typeof value !== 'string') return value
  const number = Number(value)
  // With a numeric key, no row belongs to a user ID that isn't a number.
  if (value.trim() === '' || !Number.isFinite(number)) throw new PerSQLError('session_invalid')
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? value : number
}

function compiled(source: string, index: number): RE2JS {
  try {
    return RE2JS.compile(source)
  } catch {
    const message = 'must be a valid pattern without look-around or backreferences'
    throw invalidSpec([{ field: `input[${index}].pattern`, message }])
  }
}

/** Avoids recursion, because a deep value would exhaust the stack. */
function isDeep(value: unknown): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []))
  }
  return false
}

function isUrl(text: string): boolean {
  return text.length <= MAX_URL && /^https?:\/\/\S+$/i.test(text) && URL.canParse(text)
}

/** Defines an own property, also for the name `__proto__`. */
function setOwn(target: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
}

const EMAIL = z.email()
const NOT_UNICODE = 'Must be valid Unicode.'
const tooLong = (maxLength: number) => `Must be at most ${formatCount(maxLength, 'character')}.`
