import { MAX_SESSION_S } from '@persql/endpoint-spec'
import { EndpointChangeShape, EndpointShape } from '@persql/endpoint-spec/shape'
import * as z from 'zod'
import { operation } from './operation.ts'
import { Slug, Timestamp } from './values.ts'

const database = { ns: Slug, db: Slug }
const address = { ...database, slug: EndpointShape.slug }

/** A stored statement that anyone can call over HTTP once it is published. */
export const Endpoint = z.object({
  slug: z.string(),
  name: z.string(),
  /** Only published endpoints can be called. */
  status: z.enum(['draft', 'published', 'paused']),
  /** Increases with every change of the spec. */
  version: z.int(),
  /** The URL to call. */
  url: z.string(),
  spec: z.object(EndpointShape),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  publishedAt: Timestamp.nullable(),
})
export type Endpoint = z.infer<typeof Endpoint>

const refusals = ['database_not_found', 'role_insufficient', 'table_out_of_scope', 'not_for_scoped_token'] as const
const specRefusals = [
  ...refusals,
  'invalid_spec',
  'sql_error',
  'multiple_statements',
  'empty_statement',
  'statement_not_allowed',
  'table_unresolved',
  'table_protected',
] as const

/** Operations on public endpoints and their sessions. */
export const endpoints = {
  list_endpoints: operation({
    summary: 'List the public endpoints of a database',
    route: 'GET /v1/db/{ns}/{db}/endpoints',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/endpoints', role: 'viewer' },
    input: z.strictObject(database),
    output: z.array(Endpoint),
    errors: ['database_not_found'],
  }),

  create_endpoint: operation({
    summary: 'Save a new endpoint as a draft',
    route: 'POST /v1/db/{ns}/{db}/endpoints',
    scope: 'admin',
    scoped: true,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/endpoints', role: 'editor' },
    input: z.strictObject({ ...database, ...EndpointShape }),
    output: Endpoint,
    errors: [...specRefusals, 'slug_taken', 'limit_reached'],
  }),

  get_endpoint: operation({
    summary: 'Get an endpoint',
    route: 'GET /v1/db/{ns}/{db}/endpoints/{slug}',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/endpoints/{slug}', role: 'viewer' },
    input: z.strictObject(address),
    output: Endpoint,
    errors: ['database_not_found', 'not_for_scoped_token', 'endpoint_not_found'],
  }),

  update_endpoint: operation({
    summary: 'Update an endpoint; null removes a field, and a published endpoint serves the new version immediately',
    route: 'PATCH /v1/db/{ns}/{db}/endpoints/{slug}',
    scope: 'admin',
    scoped: true,
    console: { route: 'PATCH /api/namespaces/{ns}/databases/{db}/endpoints/{slug}', role: 'editor' },
    input: z.strictObject({ ...EndpointChangeShape, ...address }),
    output: Endpoint,
    errors: [...specRefusals, 'endpoint_not_found'],
  }),

  publish_endpoint: operation({
    summary: 'Publish an endpoint, or publish an earlier version again',
    route: 'POST /v1/db/{ns}/{db}/endpoints/{slug}/publish',
    scope: 'admin',
    scoped: true,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/endpoints/{slug}/publish', role: 'editor' },
    input: z.strictObject({ ...address, version: z.int().min(1).optional() }),
    output: Endpoint,
    errors: [...specRefusals, 'endpoint_not_found', 'version_not_found'],
  }),

  pause_endpoint: operation({
    summary: 'Pause an endpoint; callers get 404 immediately',
    route: 'POST /v1/db/{ns}/{db}/endpoints/{slug}/pause',
    scope: 'admin',
    scoped: true,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/endpoints/{slug}/pause', role: 'editor' },
    input: z.strictObject(address),
    output: Endpoint,
    errors: ['database_not_found', 'not_for_scoped_token', 'endpoint_not_found'],
  }),

  delete_endpoint: operation({
    summary: 'Delete an endpoint and its versions',
    route: 'DELETE /v1/db/{ns}/{db}/endpoints/{slug}',
    scope: 'admin',
    scoped: true,
    console: { route: 'DELETE /api/namespaces/{ns}/databases/{db}/endpoints/{slug}', role: 'editor' },
    input: z.strictObject(address),
    output: z.object({ deleted: z.literal(true) }),
    errors: ['database_not_found', 'not_for_scoped_token', 'endpoint_not_found'],
  }),

  list_endpoint_versions: operation({
    summary: 'List the versions of an endpoint, newest first; the latest 50 are kept',
    route: 'GET /v1/db/{ns}/{db}/endpoints/{slug}/versions',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/endpoints/{slug}/versions', role: 'viewer' },
    input: z.strictObject(address),
    output: z.array(
      z.object({ version: z.int(), spec: z.object(EndpointShape), savedAt: Timestamp, savedBy: z.string() }),
    ),
    errors: ['database_not_found', 'not_for_scoped_token', 'endpoint_not_found'],
  }),

  try_endpoint: operation({
    summary: 'Call a draft or published endpoint with sample input and unsaved changes; writes are rolled back',
    route: 'POST /v1/db/{ns}/{db}/endpoints/{slug}/try',
    scope: 'admin',
    scoped: true,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/endpoints/{slug}/try', role: 'editor' },
    input: z.strictObject({
      ...address,
      input: z.record(z.string(), z.json()).default({}),
      /** The user of the session, for endpoints that require one. */
      session: z.strictObject({ userId: z.union([z.string(), z.int()]), email: z.string().optional() }).optional(),
      changes: z.strictObject(EndpointChangeShape).optional(),
    }),
    output: z.object({
      status: z.int(),
      /** The response that a caller would get. */
      body: z.json(),
      /** The cause of a failure, which callers don't get. */
      reason: z.string().optional(),
      rowsRead: z.int(),
      rowsWritten: z.int(),
    }),
    errors: [...specRefusals, 'endpoint_not_found'],
  }),

  rotate_session_key: operation({
    summary: 'Rotate the session key; active sessions stay valid until they expire, unless you set "endSessions"',
    route: 'POST /v1/db/{ns}/{db}/session_key/rotate',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/session_key/rotate', role: 'admin' },
    input: z.strictObject({ ...database, endSessions: z.boolean().default(false) }),
    output: z.object({
      keyId: z.string(),
      /** The end of the validity of sessions that an earlier key signed. */
      previousUntil: Timestamp.nullable(),
    }),
    errors: ['database_not_found'],
  }),

  create_session: operation({
    summary: 'Create a session for a user of your app, from your backend',
    route: 'POST /v1/sessions',
    scope: 'readwrite',
    input: z.strictObject({
      namespaceSlug: Slug,
      databaseSlug: Slug,
      userId: z.union([z.string().min(1).max(256), z.int()]),
      email: z.string().max(320).optional(),
      /** Duration in seconds. Default: 3600, or the rest of the caller's token if shorter. */
      expiresIn: z.int().min(60).max(MAX_SESSION_S).optional(),
    }),
    output: z.object({ token: z.string(), expiresAt: Timestamp, expiresIn: z.int() }),
    errors: ['namespace_mismatch', 'database_not_found', 'exceeds_parent'],
  }),
}
