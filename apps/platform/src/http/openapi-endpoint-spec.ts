import type { Json } from './openapi-schemas.ts'

/** One input of a public endpoint. Names that begin with `$` come from the session. */
export interface FieldSpec {
  readonly name: string
  readonly label?: string
  readonly type: 'text' | 'email' | 'url' | 'integer' | 'number' | 'boolean' | 'json'
  readonly required?: boolean
  readonly pattern?: string
  readonly enum?: readonly string[]
  readonly min?: number
  readonly max?: number
  readonly maxLength?: number
}

/** A public endpoint of a database. */
export interface EndpointSpec {
  readonly slug: string
  readonly name: string
  readonly description?: string
  readonly kind: 'query' | 'mutation' | 'auth_signup' | 'auth_login' | 'ask'
  readonly method: 'GET' | 'POST'
  readonly sql: string
  readonly input: readonly FieldSpec[]
  readonly output: 'rows' | 'first_row' | 'rows_written' | 'session' | 'answer'
  readonly auth: 'public' | 'session'
  readonly rateLimit?: { readonly perMin?: number; readonly perDay?: number }
  readonly captcha?: boolean
  readonly cors?: readonly string[]
  readonly authConfig?: Json
  readonly askConfig?: Json
}

const types: { readonly [type in FieldSpec['type']]: Json } = {
  text: { type: 'string' },
  email: { type: 'string', format: 'email' },
  url: { type: 'string', format: 'uri' },
  integer: { type: 'integer' },
  number: { type: 'number' },
  boolean: { type: 'boolean' },
  json: {},
}

/** The input of an endpoint as JSON Schema, without what comes from the session. */
export function inputSchema({ input }: EndpointSpec): Json {
  const fields = input.filter(({ name }) => !name.startsWith('$'))
  const required = fields.filter((field) => field.required).map(({ name }) => name)
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map((field) => [field.name, fieldSchema(field)])),
    ...(required.length > 0 && { required }),
  }
}

function fieldSchema({ label, type, pattern, enum: values, min, max, maxLength }: FieldSpec): Json {
  return {
    ...types[type],
    ...(label !== undefined && { title: label }),
    ...(pattern !== undefined && { pattern }),
    ...(values !== undefined && { enum: values }),
    ...(min !== undefined && { minimum: min }),
    ...(max !== undefined && { maximum: max }),
    ...(maxLength !== undefined && { maxLength }),
  }
}
