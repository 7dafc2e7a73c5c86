import * as z from 'zod'
import { operation } from './operation.ts'
import { QueryMeta, QueryResult, ResultFormat, Statement, writeErrors } from './query.ts'
import { Slug, Timestamp } from './values.ts'

const address = { ns: Slug, db: Slug }

/** The default and maximum duration of a proposal in seconds. */
export const PROPOSAL_S = { standard: 600, longest: 3_600 } as const

const refusals = [
  'sql_error',
  'multiple_statements',
  'empty_statement',
  'statement_not_allowed',
  'integer_out_of_range',
  'duplicate_column',
  'role_insufficient',
  'table_out_of_scope',
  'table_protected',
  'table_unresolved',
  'database_not_found',
] as const

/** Operations on proposals: dry runs that can be applied later. */
export const proposals = {
  propose: operation({
    summary: 'Dry-run a write and get a token that applies exactly that write, once',
    route: 'POST /v1/db/{ns}/{db}/propose',
    scope: 'readwrite',
    scoped: true,
    parsedBy: 'database',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/propose', role: 'editor' },
    input: z.strictObject({
      ...address,
      ...Statement.shape,
      ttlSec: z.int().min(1).max(PROPOSAL_S.longest).default(PROPOSAL_S.standard),
      ...ResultFormat,
    }),
    output: z.object({
      sql: z.string(),
      /** Rows of EXPLAIN QUERY PLAN: id, parent, unused, detail. */
      plan: z.array(z.array(z.json())),
      /** Number of rows it would change; `null` if unknown. */
      estimatedAffectedRows: z.int().nullable(),
      executionToken: z.string(),
      expiresAt: Timestamp,
      action: z.enum(['write', 'schema']),
    }),
    errors: [...refusals, 'statement_too_long', 'approval_denied', 'quota_exceeded', 'database_full', 'limit_reached'],
  }),

  apply: operation({
    summary: 'Apply a proposed write, once, with the token that proposed it',
    route: 'POST /v1/db/{ns}/{db}/apply',
    scope: 'readwrite',
    scoped: true,
    parsedBy: 'database',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/apply', role: 'editor' },
    input: z.strictObject({ ...address, executionToken: z.string().max(100) }),
    output: QueryResult,
    meta: QueryMeta,
    errors: [
      ...refusals,
      ...writeErrors,
      'proposal_not_found',
      'proposal_stale',
      'query_timeout',
      'result_too_large',
      'idempotency_mismatch',
      'replay_dropped',
    ],
  }),
}
