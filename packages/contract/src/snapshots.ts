import * as z from 'zod'
import { operation } from './operation.ts'
import { PageMeta, paging } from './paging.ts'
import { Moment, Slug } from './values.ts'

const address = { ns: Slug, db: Slug }

/** All tables and rows of a database, as they were at one moment. */
export const Snapshot = z.object({
  id: z.string(),
  label: z.string(),
  createdAt: Moment,
  /** Made by itself before rows were lost, so that one can go back. Kept for 30 days, ten at most. */
  automatic: z.boolean(),
  rows: z.int(),
})
export type Snapshot = z.infer<typeof Snapshot>

const errors = ['database_not_found', 'copy_impossible', 'copy_cut_off', 'took_too_long'] as const

/** A snapshot that was made before a statement that loses rows without saying which, or why there is none. */
export const AutomaticSnapshot = z.object({
  snapshot: z.object({ id: z.string(), label: z.string() }).optional(),
  snapshotSkipped: z.enum(['too_large', 'copy_impossible']).optional(),
})
export type AutomaticSnapshot = z.infer<typeof AutomaticSnapshot>

const Settings = z.object({
  /** Whether a snapshot is made before DROP TABLE, DELETE without WHERE, ALTER TABLE … DROP COLUMN and REPLACE. */
  automaticSnapshots: z.boolean(),
})

/** Operations on snapshots and snapshot settings. */
export const snapshots = {
  list_snapshots: operation({
    summary: 'List the snapshots of a database, the newest first',
    route: 'GET /v1/db/{ns}/{db}/snapshots',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/snapshots', role: 'viewer' },
    input: z.strictObject({ ...address, ...paging }),
    output: z.array(Snapshot),
    meta: PageMeta,
    errors: ['database_not_found'],
  }),

  create_snapshot: operation({
    summary: 'Keep all tables and rows as they are now',
    route: 'POST /v1/db/{ns}/{db}/snapshots',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/snapshots', role: 'editor' },
    input: z.strictObject({ ...address, label: z.string().trim().min(1).max(80) }),
    output: Snapshot,
    errors: [...errors, 'limit_reached'],
  }),

  delete_snapshot: operation({
    summary: 'Delete a snapshot',
    route: 'DELETE /v1/db/{ns}/{db}/snapshots/{id}',
    scope: 'admin',
    console: { route: 'DELETE /api/namespaces/{ns}/databases/{db}/snapshots/{id}', role: 'editor' },
    input: z.strictObject({ ...address, id: z.string().min(1).max(40) }),
    output: z.object({ deleted: z.literal(true) }),
    errors: ['database_not_found', 'snapshot_not_found'],
  }),

  restore: operation({
    summary: 'Put all tables and rows back to what a snapshot holds; what is there now is kept as a snapshot first',
    route: 'POST /v1/db/{ns}/{db}/restore',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/restore', role: 'admin' },
    input: z.strictObject({
      ...address,
      /** Exactly one of these. */
      snapshotId: z.string().min(1).max(40).optional(),
      /** The snapshot with this id, as other clients name it. */
      bookmark: z.string().min(1).max(200).optional(),
      /** Milliseconds since 1970: the newest snapshot that is not newer than this. */
      timestamp: z.int().min(0).optional(),
    }),
    output: z.object({
      /** What the database is again. */
      restored: Snapshot,
      /** What it was before: restoring this undoes it. */
      before: Snapshot,
    }),
    errors: [...errors, 'snapshot_not_found'],
  }),

  get_settings: operation({
    summary: 'Read the settings of a database',
    route: 'GET /v1/db/{ns}/{db}/settings',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/settings', role: 'viewer' },
    input: z.strictObject(address),
    output: Settings,
    errors: ['database_not_found'],
  }),

  update_settings: operation({
    summary: 'Change settings of a database',
    route: 'PATCH /v1/db/{ns}/{db}/settings',
    scope: 'admin',
    console: { route: 'PATCH /api/namespaces/{ns}/databases/{db}/settings', role: 'admin' },
    input: z.strictObject({ ...address, automaticSnapshots: z.boolean().optional() }),
    output: Settings,
    errors: ['database_not_found'],
  }),
}
