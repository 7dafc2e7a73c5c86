import * as z from 'zod'
import { operation } from './operation.ts'
import { PageMeta, paging } from './paging.ts'
import { Params, Slug, Timestamp } from './values.ts'

const database = { ns: Slug, db: Slug }
const address = { ...database, id: z.string().regex(/^sch_[0-9A-Za-z]{16}$/, 'must be a schedule ID (sch_…)') }

const fields = {
  name: z.string().trim().min(1).max(80),
  /** One statement. */
  sql: z.string().min(1).max(50_000),
  params: Params,
  intervalSec: z.int().min(60).max(604_800),
  enabled: z.boolean(),
}

/** A statement that runs at an interval. */
export const Schedule = z.object({
  id: z.string(),
  ...fields,
  createdAt: Timestamp,
  updatedAt: Timestamp,
  /** `null` if it is disabled. */
  nextRunAt: Timestamp.nullable(),
  lastRunAt: Timestamp.nullable(),
  lastStatus: z.enum(['ok', 'error']).nullable(),
  lastError: z.string().nullable(),
  lastDurationMs: z.number().nullable(),
  lastRowsRead: z.int().nullable(),
  lastRowsWritten: z.int().nullable(),
})
export type Schedule = z.infer<typeof Schedule>

const refusals = [
  'database_not_found',
  'role_insufficient',
  'table_out_of_scope',
  'sql_error',
  'multiple_statements',
  'empty_statement',
  'statement_not_allowed',
  'table_unresolved',
  'table_protected',
] as const
const path = '/v1/db/{ns}/{db}/schedules'
const apiPath = '/api/namespaces/{ns}/databases/{db}/schedules'

/** Operations on schedules. */
export const schedules = {
  list_schedules: operation({
    summary: 'List schedules with the result of their last run',
    route: `GET ${path}`,
    scope: 'readonly',
    scoped: true,
    console: { route: `GET ${apiPath}`, role: 'viewer' },
    input: z.strictObject({ ...database, ...paging }),
    output: z.array(Schedule),
    meta: PageMeta,
    errors: ['database_not_found'],
  }),

  create_schedule: operation({
    summary: 'Create a schedule that runs a statement at an interval, with the permissions that you have now',
    route: `POST ${path}`,
    scope: 'admin',
    scoped: true,
    console: { route: `POST ${apiPath}`, role: 'editor' },
    input: z.strictObject({
      ...database,
      ...fields,
      params: fields.params.default([]),
      enabled: fields.enabled.default(true),
    }),
    output: Schedule,
    errors: [...refusals, 'limit_reached'],
  }),

  update_schedule: operation({
    summary: 'Update a schedule; from then on it runs with your permissions',
    route: `PATCH ${path}/{id}`,
    scope: 'admin',
    scoped: true,
    console: { route: `PATCH ${apiPath}/{id}`, role: 'editor' },
    input: z.strictObject({ ...z.object(fields).partial().shape, ...address }),
    output: Schedule,
    errors: [...refusals, 'not_for_scoped_token', 'schedule_not_found'],
  }),

  delete_schedule: operation({
    summary: 'Delete a schedule',
    route: `DELETE ${path}/{id}`,
    scope: 'admin',
    scoped: true,
    console: { route: `DELETE ${apiPath}/{id}`, role: 'editor' },
    input: z.strictObject(address),
    output: z.object({ deleted: z.literal(true) }),
    errors: ['database_not_found', 'not_for_scoped_token', 'schedule_not_found'],
  }),

  run_schedule: operation({
    summary: 'Run a schedule now, even if disabled; the next run is not affected',
    route: `POST ${path}/{id}/run`,
    scope: 'admin',
    scoped: true,
    console: { route: `POST ${apiPath}/{id}/run`, role: 'editor' },
    input: z.strictObject(address),
    output: Schedule,
    errors: ['database_not_found', 'not_for_scoped_token', 'schedule_not_found'],
  }),
}
