import { type Door, type ErrorCode, errors, type Operation, type route } from '@persql/contract'
import type { Json } from './openapi-schemas.ts'
import { paymentRequiredSchema } from './payment-required.ts'

type Way = ReturnType<typeof route>
const codes = Object.keys(errors) as ErrorCode[]

/** The codes a call of an operation through one of its doors can be refused with, in the order of the table of errors. */
export function failuresOf(operation: Operation, door: Door, way: Way): ErrorCode[] {
  const possible = new Set<ErrorCode>([
    ...(operation.errors ?? []),
    ...(way.inQuery ? [] : (['invalid_json', 'body_too_large', 'body_incomplete', 'body_timeout'] as const)),
    ...(door === 'session' ? ofSession(operation, way) : ofBearer(operation, way)),
    ...(isOfDatabase(way) ? (['query_timeout', 'unavailable'] as const) : []),
    'invalid_input',
    'flood',
    'internal',
  ])
  return codes.filter((code) => possible.has(code))
}

/** Whether a database answers the call itself, which charges for it through either door. */
export const isOfDatabase = ({ params }: Way): boolean => params.includes('db')

const billed = ['insufficient_balance', 'namespace_suspended'] as const

function ofBearer({ scope, scoped, billed: charged }: Operation, way: Way): readonly ErrorCode[] {
  if (scope === 'anyone') return []
  if (scope === 'operator') return ['operator_only']
  return [
    'token_missing',
    'token_malformed',
    'token_unknown',
    'token_pinned',
    ...(scoped ? [] : (['not_for_scoped_token'] as const)),
    ...(charged === false ? [] : billed),
    ...(isOfDatabase(way) ? (['namespace_mismatch'] as const) : []),
    ...(scope === 'readonly' ? [] : (['role_insufficient'] as const)),
  ]
}

function ofSession({ role, console }: Operation, way: Way): readonly ErrorCode[] {
  return [
    'not_signed_in',
    ...(way.method === 'GET' ? [] : (['origin_refused'] as const)),
    ...(way.params.includes('ns') ? (['namespace_not_found'] as const) : []),
    ...((role ?? console?.role ?? 'viewer') === 'viewer' ? [] : (['role_insufficient'] as const)),
    ...(isOfDatabase(way) ? billed : []),
  ]
}

/** What a status says to whoever reads the document. */
export const statusTexts: { readonly [status: number]: string } = {
  400: 'The request is not understood, or cannot be done as it stands',
  401: 'Nobody is known to be calling',
  402: 'The prepaid balance is empty',
  403: 'The caller may not do this',
  404: 'There is no such thing',
  405: 'Not with this method',
  408: 'The statement ran too long and was stopped',
  409: 'It does not go together with what is there',
  413: 'The body is too large',
  422: 'The request is understood, and cannot be answered',
  429: 'Too many requests',
  500: 'A failure of ours',
  502: 'A service this one depends on failed',
  503: 'Not available right now',
}

/** Headers that go with a status, by name. */
export const statusHeaders: { readonly [status: number]: Json } = {
  401: { 'WWW-Authenticate': { schema: { type: 'string' } } },
  402: { 'PAYMENT-REQUIRED': { description: 'The offer for x402 clients of version 2', schema: { type: 'string' } } },
  429: { 'Retry-After': { description: 'Seconds to wait', schema: { type: 'integer', minimum: 1 } } },
}

/** The answers that carry these codes, by status. */
export function failureResponses(possible: readonly ErrorCode[]): Json {
  const statuses = new Set(possible.map((code) => errors[code].status))
  return Object.fromEntries(
    [...statuses].map((status) => [
      status,
      failure(
        status,
        possible.filter((code) => errors[code].status === status),
      ),
    ]),
  )
}

function failure(status: number, group: readonly ErrorCode[]): Json {
  const schema = {
    allOf: [
      { $ref: '#/components/schemas/Error' },
      ...(status === 402 ? [{ $ref: '#/components/schemas/PaymentRequired' }] : []),
    ],
    properties: { code: { enum: group } },
  }
  return {
    description: statusTexts[status] ?? String(status),
    ...(statusHeaders[status] && { headers: statusHeaders[status] }),
    content: { 'application/json': { schema } },
  }
}

/** The shapes that failures refer to. */
export const failureSchemas = {
  Error: {
    type: 'object',
    properties: {
      success: { const: false },
      error: { type: 'string', description: 'A sentence for people' },
      code: {
        type: 'string',
        description: `A state for programs:\n${codes.map((code) => `- \`${code}\` (${errors[code].status}): ${errors[code].message}`).join('\n')}`,
      },
      fields: {
        type: 'object',
        description: 'What is wrong with the input, by field',
        additionalProperties: { type: 'string' },
      },
      field: { type: 'string', description: 'The field that asks for more than the caller has' },
      errorDetail: { $ref: '#/components/schemas/SqlErrorDetail' },
      merge: { $ref: '#/components/schemas/MergeReport' },
      statement: { type: 'integer', description: 'In a batch: which statement failed, counted from 0' },
      hits: {
        type: 'array',
        description: 'Rules that stop a write',
        items: { $ref: '#/components/schemas/ApprovalHit' },
      },
      approvalToken: { type: 'string', description: 'With it, what a human has approved is done' },
      approvalUrl: { type: 'string', description: 'Where a human decides' },
      expiresAt: { type: 'string', format: 'date-time', description: 'Until then an approval can be given and used' },
      applied: { type: 'integer', description: 'In a batch that is no transaction: how many statements were done' },
    },
    required: ['success', 'error', 'code'],
  },
  PaymentRequired: paymentRequiredSchema,
} satisfies Json
