import * as z from 'zod'
import { operation } from './operation.ts'
import { Slug } from './values.ts'

const address = { ns: Slug, db: Slug }

/** The kind of a change. `unknown` means any of the others, or possibly no change. */
export const ChangeKind = z.enum(['insert', 'update', 'delete', 'schema', 'unknown'])
export type ChangeKind = z.infer<typeof ChangeKind>

/** A committed change. Table `*` means that any table may have changed. */
export const Change = z.object({ table: z.string(), kind: ChangeKind })
export type Change = z.infer<typeof Change>

/** A position in the change feed. Clients send it back unchanged. */
const Cursor = z.string().regex(/^[0-9A-Za-z]{1,20}\.\d{1,15}$/, 'must be a cursor that the server returned')
/** Comma-separated table names. Empty or `*` for all. */
const Tables = z.string().max(8_000)

/** Operations on the change feed. */
export const changes = {
  subscribe: operation({
    summary: 'Open a WebSocket that reports table changes: {"type":"change","table","kind","cursor"}',
    route: 'GET /v1/db/{ns}/{db}/subscribe',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/subscribe', role: 'viewer' },
    input: z.strictObject({ ...address, tables: Tables.optional(), cursor: Cursor.optional() }),
    output: z.object({}),
    upgrade: 'websocket',
    errors: ['database_not_found', 'upgrade_required', 'quota_exceeded', 'origin_refused'],
  }),

  wait_for_changes: operation({
    summary: 'Wait up to "timeoutSec" seconds for table changes; pass the last cursor to get all changes since then',
    route: 'GET /v1/db/{ns}/{db}/wait_for_changes',
    scope: 'readonly',
    scoped: true,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/wait_for_changes', role: 'viewer' },
    input: z.strictObject({
      ...address,
      tables: Tables.optional(),
      cursor: Cursor.optional(),
      timeoutSec: z.int().min(0).max(25).default(25),
    }),
    output: z.object({ changes: z.array(Change), cursor: z.string(), timedOut: z.boolean() }),
    errors: ['database_not_found', 'limit_reached'],
  }),
}
