import * as z from 'zod'
import { operation } from './operation.ts'
import { PageMeta, paging } from './paging.ts'
import { Slug, Timestamp } from './values.ts'

const address = { ns: Slug, db: Slug }

/** All tables and rows of a database at one time. */
export const Snapshot = z.object({
  id: z.string(),
  label: z.string(),
  createdAt: Timestamp,
  /** Whether PerSQL created it before a destructive statement. The latest 10 are kept for 30 days. */
  automatic: z.boolean(),
  rows: z.int(),
})
export type Snapshot = z.infer<typeof Snapshot>

const errors = ['database_not_found', 'copy_impossible', 'copy_cut_off', 'took_too_long'] as const

/** The automatic snapshot before a destructive statement, or the reason for a missing one. */
export const AutomaticSnapshot = z.object({
  snapshot: z.object({ id: z.string(), label: z.string() }).optional(),
  snapshotSkipped: z.enum(['too_large', 'copy_impossible', 'storage_full', 'quota_exceeded']).optional(),
})
export type AutomaticSnapshot = z.infer<typeof AutomaticSnapshot>

const Settings = z.object({
  /**
   * Whether a snapshot is created before DROP TABLE, DELETE without WHERE and ALTER TABLE … DROP COLUMN, and before REPLACE
   * if the newest snapshot is older than 1 day. Databases of more than 32 MiB get none.
   */
  automaticSnapshots: z.boolean(),
})

/** Operations on snapshots and snapshot settings. */
export const snapshots = {
  list_snapshots: operation({
    summary: 'List the snapshots of a database, newest first',
    route: 'GET /v1/db/{ns}/{db}/snapshots',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/snapshots', role: 'viewer' },
    input: z.strictObject({ ...address, ...paging }),
    output: z.array(Snapshot),
    meta: PageMeta,
    errors: ['database_not_found'],
  }),

  create_snapshot: operation({
    summary: 'Create a snapshot of all tables and rows',
    route: 'POST /v1/db/{ns}/{db}/snapshots',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/snapshots', role: 'editor' },
    input: z.strictObject({ ...address, label: z.string().trim().min(1).max(80) }),
    output: Snapshot,
    errors: [...errors, 'quota_exceeded'],
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
    summary: 'Restore all tables and rows from a snapshot; the current state is saved as a snapshot first',
    route: 'POST /v1/db/{ns}/{db}/restore',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/restore', role: 'admin' },
    input: z.strictObject({
      ...address,
      /** Pass exactly one of these 3 fields. */
      snapshotId: z.string().min(1).max(40).optional(),
      /** Same as `snapshotId`, for clients that use this name. */
      bookmark: z.string().min(1).max(200).optional(),
      /** Milliseconds since 1970. Restores the latest snapshot at or before this time. */
      timestamp: z.int().min(0).optional(),
    }),
    output: z.object({
      /** The snapshot that was restored. */
      restored: Snapshot,
      /** The state before. Restore it to undo. */
      before: Snapshot,
    }),
    errors: [...errors, 'snapshot_not_found', 'quota_exceeded', 'database_full'],
  }),

  get_settings: operation({
    summary: 'Get the settings of a database',
    route: 'GET /v1/db/{ns}/{db}/settings',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/settings', role: 'viewer' },
    input: z.strictObject(address),
    output: Settings,
    errors: ['database_not_found'],
  }),

  update_settings: operation({
    summary: 'Update the settings of a database',
    route: 'PATCH /v1/db/{ns}/{db}/settings',
    scope: 'admin',
    console: { route: 'PATCH /api/namespaces/{ns}/databases/{db}/settings', role: 'admin' },
    input: z.strictObject({ ...address, automaticSnapshots: z.boolean().optional() }),
    output: Settings,
    errors: ['database_not_found'],
  }),
}
