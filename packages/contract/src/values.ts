import * as z from 'zod'

/** The source of a regular expression for a slug, for patterns that contain slugs. */
export const SLUG = '[a-z][a-z0-9-]{0,62}'
const WHOLE_SLUG = new RegExp(`^${SLUG}$`)

/** Returns whether a text can be the slug of a namespace or a database. */
export const isSlug = (text: string): boolean => WHOLE_SLUG.test(text)

/** A name in a URL: lowercase letters, digits and hyphens, starting with a letter, at most 63 characters. It can't be changed. */
export const Slug = z
  .string()
  .regex(WHOLE_SLUG, 'must start with a lowercase letter, followed by up to 62 lowercase letters, digits or hyphens')

/** Bytes in JSON. */
export const Blob = z.strictObject({ base64: z.base64() })

/** The range of 64-bit integers, as decimal text. */
export const isInt64 = (text: string): boolean =>
  /^-?\d{1,19}$/.test(text) && BigInt(text) === BigInt.asIntN(64, BigInt(text))

/** A 64-bit integer in JSON, exact at any size. */
export const Int64 = z.strictObject({
  int64: z
    .string()
    .regex(/^-?\d{1,19}$/)
    .refine(isInt64, 'must be a 64-bit integer'),
})

/** A value bound to a placeholder: booleans become 0 and 1, and integers beyond ±(2^53 − 1) are sent as text in `int64`. */
export const Param = z.union([z.string(), z.number(), z.boolean(), z.null(), Blob, Int64])

/** The maximum number of parameters in one statement. */
export const MAX_PARAMETERS = 32_766

/** Removes the prefix of a parameter's name. */
export const parameterName = (key: string): string => key.replace(/^[:@$]/, '')

/** Values by name, with or without the prefix that the name has in the statement. */
const NamedParams = z.record(z.string(), Param).refine((params) => {
  const names = Object.keys(params).map(parameterName)
  return names.length <= MAX_PARAMETERS && !names.includes('') && new Set(names).size === names.length
}, `must have at most ${MAX_PARAMETERS} different names`)

/** The values of a statement's parameters: an array in their order, or an object by their names. */
export const Params = z.union([z.array(Param).max(MAX_PARAMETERS), NamedParams])

/** A value in a result row. */
export const Value = z.union([z.string(), z.number(), z.null(), Blob])

/** A time in UTC, ISO 8601. */
export const Timestamp = z.iso.datetime()

/** Nano-dollars as a decimal string, exact at any size. */
export const NanoUsd = z.string().regex(/^-?\d+$/)
