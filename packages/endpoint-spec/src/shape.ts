import * as z from 'zod'
import { MAX_SESSION_S, SESSION_FIELDS } from './spec.ts'

const count = (max: number) =>
  z
    .int('must be an integer')
    .min(1, 'must be at least 1')
    .max(max, `must be at most ${max.toLocaleString('en-US')}`)

const Field = z.strictObject({
  name: z
    .string('must not be empty')
    .regex(
      /^([a-z][a-z0-9_]{0,40}|\$[a-z_]+)$/,
      'must start with a lowercase letter, followed by up to 40 lowercase letters, digits or underscores',
    )
    .refine(
      (name) => !name.startsWith('$') || (SESSION_FIELDS as readonly string[]).includes(name),
      `must be one of ${SESSION_FIELDS.join(', ')}`,
    ),
  label: z.string().min(1).max(80).optional(),
  type: z.enum(['text', 'email', 'url', 'integer', 'number', 'boolean', 'json']),
  required: z.boolean().optional(),
  /**
   * Source of a regular expression that must match a part of the text. Linear-time syntax: no look-around, no
   * backreferences.
   */
  pattern: z.string().min(1).max(500).refine(isRegExp, 'must be a valid regular expression').optional(),
  enum: z.array(z.string().max(500)).min(1, 'must have at least one value').max(200).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  maxLength: count(1_000_000).optional(),
})

const Cors = z
  .array(
    z
      .string()
      .refine(
        (text) => text === '*' || isOrigin(text),
        'must be an origin such as https://app.example.com, without a path, or "*" for any origin',
      ),
  )
  .max(50)

const RateLimit = z
  .strictObject({ perMin: count(1_000_000).optional(), perDay: count(100_000_000).optional() })
  .refine((limit) => limit.perMin !== undefined || limit.perDay !== undefined, 'must have perMin, perDay or both')

const AuthConfig = z.strictObject({
  usersTable: z.string('must name the users table').min(1).max(200),
  emailColumn: z.string().min(1).max(200).optional(),
  passwordColumn: z.literal('password_hash', 'must be "password_hash"').optional(),
  sessionTtlSec: z
    .int()
    .min(60, 'must be at least 60 seconds')
    .max(MAX_SESSION_S, `must be at most ${MAX_SESSION_S.toLocaleString('en-US')} seconds (30 days)`)
    .optional(),
})

const AskConfig = z.strictObject({
  /** Tables that the AI model sees and its statement can read. Empty for all. */
  allowedTables: z.array(z.string().min(1).max(200)).max(200),
  context: z.string().max(4_000).optional(),
  maxRows: count(1_000).optional(),
})

/** The fields of a spec in their wire form. `validateEndpointSpec` checks the rules between fields. */
export const EndpointShape = {
  slug: z
    .string('must not be empty')
    .regex(
      /^[a-z][a-z0-9-]{0,40}$/,
      'must start with a lowercase letter, followed by up to 40 lowercase letters, digits or hyphens',
    ),
  name: z.string('must not be empty').trim().min(1, 'must not be empty').max(80),
  description: z.string().max(1_000).optional(),
  kind: z.enum(['query', 'mutation', 'auth_signup', 'auth_login', 'ask']),
  method: z.enum(['GET', 'POST']),
  /** With `?` placeholders, bound in the order of `input`. Empty for `ask`. */
  sql: z.string().max(50_000).optional(),
  input: z.array(Field).max(100, 'must have at most 100 fields'),
  output: z.enum(['rows', 'first_row', 'rows_written', 'session', 'answer']),
  auth: z.enum(['public', 'session']).optional(),
  /** Calls per IP address; for IPv6, per customer network. */
  rateLimit: RateLimit.optional(),
  captcha: z.boolean().optional(),
  /** Origins that can call the endpoint. Without it, no other origin can. */
  cors: Cors.optional(),
  authConfig: AuthConfig.optional(),
  askConfig: AskConfig.optional(),
}
export const Endpoint = z.strictObject(EndpointShape)

/** A change of a spec: `null` removes a field. */
export const EndpointChangeShape = {
  name: EndpointShape.name.optional(),
  description: EndpointShape.description.nullable(),
  kind: EndpointShape.kind.optional(),
  method: EndpointShape.method.optional(),
  sql: EndpointShape.sql,
  input: EndpointShape.input.optional(),
  output: EndpointShape.output.optional(),
  auth: EndpointShape.auth.nullable(),
  rateLimit: EndpointShape.rateLimit.nullable(),
  captcha: EndpointShape.captcha.nullable(),
  cors: EndpointShape.cors.nullable(),
  authConfig: EndpointShape.authConfig.nullable(),
  askConfig: EndpointShape.askConfig.nullable(),
}

function isRegExp(source: string): boolean {
  try {
    return Boolean(new RegExp(source, 'u'))
  } catch {
    return false
  }
}

/** Returns whether a text is an origin as browsers send it: lowercase, no path, no default port. */
function isOrigin(text: string): boolean {
  return (
    /^https?:\/\/([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[1-9]\d{0,4})?$/.test(text) &&
    !/^(https:.*:443|http:.*:80)$/.test(text)
  )
}
