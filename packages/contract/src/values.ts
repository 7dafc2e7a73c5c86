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

/** A value bound to a placeholder: booleans become 0 and 1, integers must be within ±(2^53 − 1). */
export const Param = z.union([z.string(), z.number(), z.boolean(), z.null(), Blob])

/** A value in a result row. */
export const Value = z.union([z.string(), z.number(), z.null(), Blob])

/** A time in UTC, ISO 8601. */
export const Timestamp = z.iso.datetime()

/** Nano-dollars as a decimal string, exact at any size. */
export const NanoUsd = z.string().regex(/^-?\d+$/)
