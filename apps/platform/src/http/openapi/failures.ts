import { type EntryPoint, type ErrorCode, errors, type Operation, type route } from '@persql/contract'
import { paymentRequiredSchema } from '../rest/payment-required.ts'
import type { Json } from './schemas.ts'

type Way = ReturnType<typeof route>
const codes = Object.keys(errors) as ErrorCode[]

/** Returns the error codes of an operation at one of its entry points, in the order of the error table. */
export function listFailures(operation: Operation, door: EntryPoint, way: Way): ErrorCode[] {
  const possible = new Set<ErrorCode>([
    ...(operation.errors ?? []),
    ...(way.inQuery ? [] : (['invalid_json', 'body_too_large', 'body_incomplete', 'body_timeout'] as const)),
    ...(door === 'session' ? ofSession(operation, way) : ofBearer(operation, way)),
    ...(isOfDatabase(way) ? (['query_timeout', 'unavailable', 'database_damaged'] as const) : []),
    ...(isOfDatabase(way) || !way.inQuery ? (['storage_full'] as const) : []),
    'invalid_input',
    'flood',
    'internal',
    'cell_unavailable',
  ])
  return codes.filter((code) => possible.has(code))
}

/** Returns whether a database serves the call. It bills the call at either entry point. */
export const isOfDatabase = ({ params }: Way): boolean => params.includes('db')

const billed = ['insufficient_balance', 'namespace_suspended'] as const

function ofBearer({ scope, scoped, billed: charged, console }: Operation, way: Way): readonly ErrorCode[] {
  if (scope === 'anyone') return []
  if (scope === 'operator') return ['operator_only']
  return [
    'token_missing',
    'token_malformed',
    'token_unknown',
    'token_audience',
    'token_pinned',
    'origin_not_allowed',
    'operation_not_granted',
    ...(scoped ? [] : (['not_for_scoped_token'] as const)),
    ...(charged === false ? [] : billed),
    // The first call of an admin token to a database creates it.
    ...(isOfDatabase(way) ? (['namespace_mismatch', 'too_many_databases', 'database_deleting'] as const) : []),
    // The token of an app is limited by the role of its member too.
    ...(scope === 'readonly' && (console?.role ?? 'viewer') === 'viewer' ? [] : (['role_insufficient'] as const)),
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

/** The description of each status. */
export const statusTexts: { readonly [status: number]: string } = {
  400: 'The request is malformed or invalid',
  401: 'Missing or invalid credentials',
  402: 'The prepaid balance is empty',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'The request took too long and was stopped',
  409: 'Conflict with the current state',
  410: 'The transaction has ended',
  413: 'The request body is too large',
  422: "The request is valid but can't be processed",
  429: 'Too many requests',
  500: 'Internal error',
  502: 'An upstream service failed',
  503: 'Temporarily unavailable',
  507: 'The disk of the server is full',
}

/** Headers that go with a status, by name. */
export const statusHeaders: { readonly [status: number]: Json } = {
  401: { 'WWW-Authenticate': { schema: { type: 'string' } } },
  402: { 'PAYMENT-REQUIRED': { description: 'Payment offer for x402 clients, version 2', schema: { type: 'string' } } },
  429: { 'Retry-After': { description: 'Seconds to wait before retrying', schema: { type: 'integer', minimum: 1 } } },
}

/** Returns the responses for these error codes, by status. */
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

/** The schemas that error responses refer to. */
export const failureSchemas = {
  Error: {
    type: 'object',
    properties: {
      success: { const: false },
      error: { type: 'string', description: 'Human-readable message' },
      code: {
        type: 'string',
        description: `Machine-readable code:\n${codes.map((code) => `- \`${code}\` (${errors[code].status}): ${errors[code].message}`).join('\n')}`,
      },
      fields: {
        type: 'object',
        description: 'Input problems by field',
        additionalProperties: { type: 'string' },
      },
      requestId: {
        type: 'string',
        description: 'Request ID of an `internal` error; the operator can look up the cause in the log',
      },
      quota: { type: 'string', description: 'The quota that the call would exceed' },
      limit: { type: 'integer', description: 'The limit of the quota, in bytes if the quota is in bytes' },
      used: { type: 'integer', description: 'The current use of the quota' },
      field: { type: 'string', description: 'The field that exceeds the access of the caller' },
      errorDetail: { $ref: '#/components/schemas/SqlErrorDetail' },
      merge: { $ref: '#/components/schemas/MergeReport' },
      statement: { type: 'integer', description: 'Index of the failed statement in the batch, starting at 0' },
      hits: {
        type: 'array',
        description: 'Approval rules that matched the write',
        items: { $ref: '#/components/schemas/ApprovalHit' },
      },
      approvalToken: { type: 'string', description: 'Token that redeems the approval' },
      approvalUrl: { type: 'string', description: 'Page where an editor approves or denies the request' },
      expiresAt: { type: 'string', format: 'date-time', description: 'When the approval expires' },
      applied: {
        type: 'integer',
        description: 'Number of statements completed before the failure (batches without a transaction)',
      },
    },
    required: ['success', 'error', 'code'],
  },
  PaymentRequired: paymentRequiredSchema,
} satisfies Json
