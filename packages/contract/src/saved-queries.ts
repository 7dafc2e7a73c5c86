import * as z from 'zod'
import { operation } from './operation.ts'
import { PageMeta, paging } from './paging.ts'
import { Slug, Timestamp } from './values.ts'

const database = { ns: Slug, db: Slug }
const address = { ...database, id: z.string().regex(/^sq_[0-9A-Za-z]{16}$/, 'must be a saved query ID (sq_…)') }
const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => value.isWellFormed(), 'must be valid Unicode, without unpaired surrogates')

const fields = {
  name: text(80).trim().min(1),
  /** The SQL as entered. Saving neither checks nor runs it. */
  sql: text(10_000).refine((value) => value.trim() !== '', 'must not be empty'),
}

/** A query that is saved for everyone with access to the database. */
export const SavedQuery = z.object({
  id: z.string(),
  name: z.string(),
  sql: z.string(),
  /** Starts at 1 and increases with each change. */
  version: z.int(),
  createdAt: Timestamp,
  /** `user:<id>` or `token:<id>`. */
  createdBy: z.string(),
  updatedAt: Timestamp,
  updatedBy: z.string(),
})
export type SavedQuery = z.infer<typeof SavedQuery>

const refusals = ['database_not_found'] as const
const path = '/v1/db/{ns}/{db}/saved-queries'
const apiPath = '/api/namespaces/{ns}/databases/{db}/saved-queries'

/** Operations on saved queries. */
export const savedQueries = {
  list_saved_queries: operation({
    summary: 'List the saved queries of a database, by name',
    route: `GET ${path}`,
    scope: 'readonly',
    console: { route: `GET ${apiPath}`, role: 'viewer' },
    input: z.strictObject({ ...database, ...paging }),
    output: z.array(SavedQuery),
    meta: PageMeta,
    errors: refusals,
  }),

  create_saved_query: operation({
    summary: 'Save a query under a unique name',
    route: `POST ${path}`,
    scope: 'readwrite',
    console: { route: `POST ${apiPath}`, role: 'editor' },
    input: z.strictObject({ ...database, ...fields }),
    output: SavedQuery,
    errors: [...refusals, 'saved_query_exists', 'saved_query_on_branch', 'limit_reached'],
  }),

  update_saved_query: operation({
    summary: 'Update the name or SQL of a saved query',
    route: `PATCH ${path}/{id}`,
    scope: 'readwrite',
    console: { route: `PATCH ${apiPath}/{id}`, role: 'editor' },
    input: z.strictObject({
      ...address,
      name: fields.name.optional(),
      sql: fields.sql.optional(),
      /** The expected version. The update fails if the query has changed since. */
      ifVersion: z.int().min(1).optional(),
    }),
    output: SavedQuery,
    errors: [...refusals, 'saved_query_not_found', 'saved_query_exists', 'saved_query_changed'],
  }),

  delete_saved_query: operation({
    summary: 'Delete a saved query',
    route: `DELETE ${path}/{id}`,
    scope: 'readwrite',
    console: { route: `DELETE ${apiPath}/{id}`, role: 'editor' },
    input: z.strictObject(address),
    output: z.object({ deleted: z.literal(true) }),
    errors: [...refusals, 'saved_query_not_found'],
  }),
}
