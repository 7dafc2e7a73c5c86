import { type EndpointSpec, inputSchema, type JsonSchema } from '@persql/endpoint-spec'
import { paymentRequiredSchema } from '../rest/payment-required.ts'
import { statusHeaders, statusTexts } from './failures.ts'
import type { Json } from './schemas.ts'

/** The public description of a database, for its endpoints. */
export interface PublicDatabase {
  readonly namespace: string
  readonly database: string
  /** The base URL of the endpoints, such as `https://host/p/acme/main`. */
  readonly baseUrl: string
  readonly description?: string
}

/**
 * Returns the OpenAPI 3.1 document of a database's public endpoints. It contains only what callers can know: no SQL, no
 * sign-in query and no AI prompt.
 */
export function databaseOpenApi(info: PublicDatabase, endpoints: readonly EndpointSpec[]): Json {
  const paths: Record<string, Json> = {}
  for (const endpoint of endpoints) {
    const path = `/${encodeURIComponent(endpoint.slug)}`
    const others = paths[path]
    const operationId = others ? `${endpoint.slug}-${endpoint.method.toLowerCase()}` : endpoint.slug
    paths[path] = { ...others, [endpoint.method.toLowerCase()]: { operationId, ...describeEndpoint(endpoint) } }
  }
  const signsIn = endpoints.some(({ auth }) => auth === 'session')
  return {
    openapi: '3.1.0',
    info: {
      title: `${info.namespace}/${info.database}`,
      version: '1',
      ...(info.description && { description: info.description }),
    },
    servers: [{ url: info.baseUrl }],
    paths,
    components: {
      schemas: { Error: failureSchema, PaymentRequired: paymentRequiredSchema },
      ...(signsIn && { securitySchemes: { session: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } }),
    },
  }
}

function describeEndpoint(endpoint: EndpointSpec): Json {
  const { name, description, method, auth, captcha, rateLimit, output } = endpoint
  const schema = inputSchema(endpoint)
  const parameters = [
    ...(method === 'GET' ? queryParameters(endpoint, schema) : []),
    ...(captcha ? [{ name: 'cf-turnstile-response', in: 'header', required: true, schema: { type: 'string' } }] : []),
  ]
  return {
    summary: name,
    ...(description && { description }),
    security: auth === 'session' ? [{ session: [] }] : [],
    ...(parameters.length > 0 && { parameters }),
    ...(method === 'POST' && hasFields(schema) && { requestBody: requestBody(schema) }),
    responses: { 200: success(output), ...Object.fromEntries(listStatuses(endpoint).map(failure)) },
    ...(rateLimit && { 'x-persql-rate-limit': { perMin: rateLimit.perMin, perDay: rateLimit.perDay } }),
  }
}

const hasFields = ({ properties }: JsonSchema) => Object.keys(properties).length > 0

function queryParameters({ input }: EndpointSpec, schema: JsonSchema): Json[] {
  const asText = new Set(input.filter(({ type }) => type === 'json').map(({ name }) => name))
  const required = new Set(schema.required)
  return Object.entries(schema.properties).map(([name, field]) => ({
    name,
    in: 'query',
    ...(required.has(name) && { required: true }),
    // A query string carries JSON as text.
    schema: asText.has(name) ? { ...field, type: 'string', contentMediaType: 'application/json' } : field,
  }))
}

function requestBody(schema: JsonSchema): Json {
  return { required: schema.required.length > 0, content: { 'application/json': { schema } } }
}

const columns = { type: 'array', items: { type: 'string' } }
const rows = { type: 'array', items: { type: 'array', items: {} } }
const fields = (properties: Json): Json => ({ type: 'object', properties, required: Object.keys(properties) })

const outputs: { readonly [output in EndpointSpec['output']]: Json } = {
  rows: fields({ columns, rows }),
  first_row: fields({ row: { type: ['object', 'null'] } }),
  rows_written: fields({ rowsWritten: { type: 'integer', minimum: 0 } }),
  session: fields({ token: { type: 'string' }, expiresAt: { type: 'string', format: 'date-time' } }),
  answer: fields({ sql: { type: 'string' }, columns, rows, explanation: { type: 'string' } }),
}

const success = (output: EndpointSpec['output']): Json => ({
  description: 'Success',
  content: { 'application/json': { schema: fields({ ok: { const: true }, data: outputs[output] }) } },
})

const failureSchema = {
  type: 'object',
  properties: {
    ok: { const: false },
    error: { type: 'string', description: 'Human-readable message' },
    code: { type: 'string', description: 'Machine-readable code' },
    fields: { type: 'object', description: 'Problems by field', additionalProperties: { type: 'string' } },
  },
  required: ['ok', 'error', 'code'],
}

function listStatuses({ kind, method, auth }: EndpointSpec): readonly number[] {
  return [
    400,
    ...(auth === 'session' || kind === 'auth_login' ? [401] : []),
    402,
    403,
    404,
    405,
    408,
    ...(kind === 'mutation' || kind === 'auth_signup' ? [409] : []),
    ...(method === 'POST' ? [413] : []),
    ...(kind === 'ask' ? [422] : []),
    429,
    500,
    ...(kind === 'ask' ? [502] : []),
    503,
  ]
}

function failure(status: number): [number, Json] {
  const $ref = '#/components/schemas/Error'
  const schema = status === 402 ? { allOf: [{ $ref }, { $ref: '#/components/schemas/PaymentRequired' }] } : { $ref }
  const headers = statusHeaders[status]
  const content = { 'application/json': { schema } }
  return [status, { description: statusTexts[status] ?? String(status), ...(headers && { headers }), content }]
}
