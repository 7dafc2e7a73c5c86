/** Fields that clients can't send: they come from the verified session. */
export const SESSION_FIELDS = ['$user_id', '$user_email', '$session_iat'] as const

/** Maximum duration of a session. */
export const MAX_SESSION_S: number = 30 * 24 * 60 * 60

/** An input field of an endpoint. */
export interface FieldSpec {
  name: string
  label?: string | undefined
  type: 'text' | 'email' | 'url' | 'integer' | 'number' | 'boolean' | 'json'
  required?: boolean | undefined
  /**
   * Source of a regular expression that must match a part of the text. Linear-time syntax: no look-around, no
   * backreferences.
   */
  pattern?: string | undefined
  enum?: string[] | undefined
  min?: number | undefined
  max?: number | undefined
  maxLength?: number | undefined
}

/** A valid spec with its defaults. */
export interface EndpointSpec {
  slug: string
  name: string
  description?: string | undefined
  kind: 'query' | 'mutation' | 'auth_signup' | 'auth_login' | 'ask'
  method: 'GET' | 'POST'
  /** With `?` placeholders, bound in the order of `input`. Empty for `ask`. */
  readonly sql: string
  input: FieldSpec[]
  output: 'rows' | 'first_row' | 'rows_written' | 'session' | 'answer'
  readonly auth: 'public' | 'session'
  /** Calls per IP address; for IPv6, per customer network. */
  rateLimit?: { perMin?: number | undefined; perDay?: number | undefined } | undefined
  captcha?: boolean | undefined
  /** Origins that can call the endpoint. Without it, no other origin can. */
  cors?: string[] | undefined
  readonly authConfig?:
    | { usersTable: string; emailColumn: string; passwordColumn: 'password_hash'; sessionTtlSec: number }
    | undefined
  readonly askConfig?:
    | {
        /** Tables that the AI model sees and its statement can read. Empty for all. */
        allowedTables: string[]
        context?: string | undefined
        readonly maxRows: number
      }
    | undefined
}
