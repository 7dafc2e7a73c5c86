import * as z from 'zod'
import { operation } from './operation.ts'
import {
  BatchStatement,
  MAX_STATEMENTS,
  QueryMeta,
  QueryResult,
  ResultFormat,
  statementErrors,
  writeErrors,
} from './query.ts'
import { AutomaticSnapshot } from './snapshots.ts'
import { Slug } from './values.ts'

const address = { ns: Slug, db: Slug }
/** `id`: the ID that `begin_transaction` returned. */
const ofTransaction = { ...address, id: z.string().min(1).max(100) }
const Statements = z.array(BatchStatement).min(1).max(MAX_STATEMENTS)

/** The errors of statements in a transaction. */
const errors = [
  ...statementErrors.filter((code) => code !== 'query_canceled'),
  ...writeErrors.filter((code) => code !== 'approval_denied' && code !== 'approval_required'),
  'approval_in_transaction',
  'expectation_failed',
  'transaction_busy',
  'transaction_conflict',
  'transaction_too_long',
  'idempotency_mismatch',
  'replay_dropped',
] as const

/** The errors of an ID. */
const idErrors = ['transaction_not_found', 'transaction_expired', 'transaction_committed'] as const

/** Interactive transactions: read, decide and write, over several requests. */
export const transactions = {
  begin_transaction: operation({
    summary: 'Start an interactive transaction',
    route: 'POST /v1/db/{ns}/{db}/transactions',
    scope: 'readonly',
    scoped: true,
    parsedBy: 'database',
    status: 201,
    input: z.strictObject({
      ...address,
      /**
       * When other writers have to wait: from the first write (`deferred`), from the start (`write`), or never, because the
       * transaction only reads (`read`). While others don't wait, a write of any table ends the transaction with
       * `transaction_conflict`.
       */
      mode: z.enum(['deferred', 'write', 'read']).default('deferred'),
      statements: Statements.optional(),
      ...ResultFormat,
    }),
    /** `expiresAt`: the latest time for the commit. A transaction ends earlier if it is idle for 5 s. */
    output: z.object({ id: z.string(), expiresAt: z.string(), results: z.array(QueryResult).optional() }),
    meta: QueryMeta,
    errors,
  }),

  run_in_transaction: operation({
    summary: 'Run up to 100 SQL statements in a transaction',
    route: 'POST /v1/db/{ns}/{db}/transactions/{id}/statements',
    scope: 'readonly',
    scoped: true,
    parsedBy: 'database',
    /** `step`: 1, then 2, and so on. A repeat of the last step runs nothing and returns the same response. */
    input: z.strictObject({ ...ofTransaction, step: z.int().min(1), statements: Statements, ...ResultFormat }),
    output: z.object({ step: z.int(), results: z.array(QueryResult) }),
    meta: QueryMeta,
    errors: [...errors, ...idErrors, 'transaction_step'],
  }),

  commit_transaction: operation({
    summary: 'Commit a transaction, once',
    route: 'POST /v1/db/{ns}/{db}/transactions/{id}/commit',
    scope: 'readonly',
    scoped: true,
    parsedBy: 'database',
    /** `statements` run before the commit. If one fails, nothing is committed, and the transaction stays open. */
    input: z.strictObject({ ...ofTransaction, statements: Statements.optional(), ...ResultFormat }),
    /** `rowsWritten`: of all statements of the transaction. */
    output: z.object({
      committed: z.literal(true),
      results: z.array(QueryResult),
      rowsWritten: z.int(),
      ...AutomaticSnapshot.shape,
    }),
    meta: QueryMeta,
    errors: [...errors, ...idErrors],
  }),

  rollback_transaction: operation({
    summary: 'Roll a transaction back',
    route: 'POST /v1/db/{ns}/{db}/transactions/{id}/rollback',
    scope: 'readonly',
    scoped: true,
    parsedBy: 'database',
    input: z.strictObject(ofTransaction),
    output: z.object({ rolledBack: z.literal(true) }),
    errors: ['database_not_found', 'transaction_not_found', 'transaction_committed'],
  }),

  delete_transaction: operation({
    summary: 'Roll a transaction back, like `rollback_transaction`',
    route: 'DELETE /v1/db/{ns}/{db}/transactions/{id}',
    scope: 'readonly',
    scoped: true,
    parsedBy: 'database',
    input: z.strictObject(ofTransaction),
    output: z.object({ rolledBack: z.literal(true) }),
    errors: ['database_not_found', 'transaction_not_found', 'transaction_committed'],
  }),
}
