import * as z from 'zod'
import { formatCount } from './format-count.ts'

/**
 * Returns an error map for `safeParse` of a schema. It describes each issue as a predicate of its field, such as `must
 * be an integer from 1 to 500`; full sentences start with a capital letter. Messages in the schema take precedence.
 */
export const describeIssue =
  (schema: z.ZodType, hidden: readonly string[] = []) =>
  ({ code, path = [], input, ...issue }: z.core.$ZodRawIssue): string => {
    const field = schemaAt(schema, path)
    if (code === 'unrecognized_keys') return unknownFields(issue.keys as string[], path, field, hidden)
    if (input === undefined && code !== 'invalid_key') return 'is required'
    if (code === 'invalid_key') return "isn't a valid key"
    if (code === 'not_multiple_of') return `must be a multiple of ${issue.divisor}`
    if (code === 'invalid_format' && !Object.hasOwn(FORMATS, String(issue.format))) return 'has an invalid format'
    const noun = field && describeType(field)
    return noun === undefined ? 'is invalid' : `must be ${noun}`
  }

/** Formats an issue as a sentence that starts with the path of its field. */
export const toSentence = ({ path, message }: Pick<z.core.$ZodIssue, 'path' | 'message'>): string =>
  isSentence(message) ? message : `${path.length > 0 ? `"${z.core.toDotPath(path)}"` : 'The input'} ${message}.`

/** Formats an issue as a sentence for display next to its field. */
export const toFieldMessage = ({ message }: Pick<z.core.$ZodIssue, 'message'>): string =>
  isSentence(message) ? message : message.startsWith('must ') ? `M${message.slice(1)}.` : `This field ${message}.`

const isSentence = (message: string) => /^[A-Z]/.test(message)

function unknownFields(
  keys: readonly string[],
  path: readonly PropertyKey[],
  schema: z.ZodType | undefined,
  hidden: readonly string[],
): string {
  const listed = keys.map((key) => `"${z.core.toDotPath([...path, key.slice(0, 80)])}"`).slice(0, 10)
  const allowed = schema instanceof z.ZodObject ? Object.keys(schema.shape).filter((key) => !hidden.includes(key)) : []
  const fact = `Unknown ${listed.length === 1 ? 'field' : 'fields'} ${listed.join(', ')}.`
  return allowed.length > 0 ? `${fact} Allowed: ${allowed.join(', ')}.` : `${fact} No fields are allowed.`
}

/** Returns the schema at a path through objects, arrays and records, or `undefined` where the schema branches. */
function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  let at: z.ZodType | undefined = unwrapped(schema)
  for (const key of path) {
    if (at instanceof z.ZodObject) at = (at.shape as Record<PropertyKey, z.ZodType | undefined>)[key]
    else if (at instanceof z.ZodArray) at = at.element as z.ZodType
    else if (at instanceof z.ZodRecord) at = at.valueType as z.ZodType
    else return undefined
    at = at && unwrapped(at)
  }
  return at
}

/** Unwraps schemas that don't constrain a value: optional, default and transform. */
function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrapped(schema.unwrap() as z.ZodType)
  }
  return schema instanceof z.ZodPipe ? unwrapped(schema.in as z.ZodType) : schema
}

const FORMATS: Readonly<Record<string, string>> = {
  base64: 'base64',
  datetime: 'an ISO 8601 UTC time such as 2026-01-31T12:00:00Z',
  email: 'an email address',
  url: 'a URL',
}

function describeType(schema: z.ZodType): string | undefined {
  const field = unwrapped(schema)
  if (field instanceof z.ZodNullable) return either([describeType(field.unwrap() as z.ZodType), 'null'])
  if (field instanceof z.ZodUnion) return either(field.options.map((option) => describeType(option as z.ZodType)))
  if (field instanceof z.ZodEnum) return listed('one of', field.options.map(String))
  if (field instanceof z.ZodLiteral) return listed('one of', [...field.values].map(String))
  if (field instanceof z.ZodBoolean) return 'true or false'
  if (field instanceof z.ZodNull) return 'null'
  if (field instanceof z.ZodLazy) return 'a JSON value'
  if (field instanceof z.ZodObject || field instanceof z.ZodRecord) return 'an object'
  if (field instanceof z.ZodArray) return describeArray(field)
  if (field instanceof z.ZodNumber || field instanceof z.ZodNumberFormat) return describeNumber(field)
  if (field instanceof z.ZodString || field instanceof z.ZodStringFormat) return describeString(field)
  return undefined
}

function describeNumber({ minValue, maxValue, isInt }: z.ZodNumber | z.ZodNumberFormat): string {
  const noun = isInt ? 'an integer' : 'a number'
  return within(noun, isBound(minValue) ? minValue : undefined, isBound(maxValue) ? maxValue : undefined)
}

/** Returns whether a bound was set explicitly: the bounds of safe integers are implicit. */
const isBound = (bound: number | null | undefined): bound is number =>
  typeof bound === 'number' && Number.isFinite(bound) && Math.abs(bound) < Number.MAX_SAFE_INTEGER

function describeString(field: z.ZodString | z.ZodStringFormat): string | undefined {
  const { format, minLength, maxLength } = field
  const noun = format === null || format === 'regex' ? undefined : FORMATS[format]
  if (noun) return maxLength === null ? noun : `${noun} of at most ${formatCount(maxLength, 'character')}`
  if (maxLength === null) return (minLength ?? 0) > 0 ? 'a non-empty string' : 'a string'
  return (minLength ?? 0) > 0
    ? `a string of ${between(minLength as number, maxLength, 'character')}`
    : `a string of at most ${formatCount(maxLength, 'character')}`
}

function describeArray(field: z.ZodArray): string {
  const checks = (field.def.checks ?? []).map(({ _zod }) => _zod.def as { minimum?: number; maximum?: number })
  const minimum = checks.find((check) => check.minimum !== undefined)?.minimum ?? 0
  const maximum = checks.find((check) => check.maximum !== undefined)?.maximum
  if (maximum === undefined) return minimum > 0 ? 'a non-empty array' : 'an array'
  return minimum > 0
    ? `an array of ${between(minimum, maximum, 'item')}`
    : `an array of at most ${formatCount(maximum, 'item')}`
}

function within(noun: string, min: number | undefined, max: number | undefined): string {
  if (min !== undefined && max !== undefined) return `${noun} from ${count(min)} to ${count(max)}`
  if (min !== undefined) return `${noun} of at least ${count(min)}`
  return max === undefined ? noun : `${noun} of at most ${count(max)}`
}

/** Formats a range of counts with its noun: `1 to 80 characters`, or `1 character` if both are 1. */
const between = (min: number, max: number, noun: string) =>
  min === max ? formatCount(min, noun) : `${count(min)} to ${formatCount(max, noun)}`

const count = (number: number) => number.toLocaleString('en-US')

function listed(before: string, values: readonly string[]): string {
  return values.length === 1 ? String(values[0]) : `${before} ${values.join(', ')}`
}

function either(nouns: readonly (string | undefined)[]): string | undefined {
  if (nouns.some((noun) => noun === undefined)) return undefined
  const all = [...new Set(nouns)]
  return all.length === 1 ? all[0] : `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`
}
