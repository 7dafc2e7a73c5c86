import * as z from 'zod'
import { KnownRef } from './branches.ts'
import { operation } from './operation.ts'
import { Snapshot } from './snapshots.ts'
import { Slug, Value } from './values.ts'

const Row = z.record(z.string(), Value)

/** What merging a branch does, or would do. */
export const MergeReport = z.object({
  mode: z.enum(['preview', 'schema', 'data']),
  /** Whether anything was changed. */
  applied: z.boolean(),
  schema: z.object({
    /** In the order in which they run. */
    statements: z.array(z.object({ sql: z.string(), reason: z.string(), losesData: z.boolean() })),
    /** What does not go together; nothing of the schema is applied while there are any. */
    conflicts: z.array(
      z.object({
        type: z.string(),
        name: z.string(),
        reason: z.string(),
        /** The object where the branch began, in the parent, and in the branch; `null` where there is none. */
        base: z.string().nullable(),
        parent: z.string().nullable(),
        branch: z.string().nullable(),
      }),
    ),
  }),
  /** What merging the schema does to the state of migrations; absent where that stays as it is. */
  migrations: z
    .object({
      /** Names of migrations that were applied in the branch and count as applied in the parent then. */
      recorded: z.array(z.string()),
      /** Names under which the parent has another migration: they are left as they are. */
      diverged: z.array(z.string()),
      /** Tables in which migration tools keep what they have applied, with the rows that are added. */
      tables: z.array(z.object({ table: z.string(), rows: z.int() })),
    })
    .optional(),
  data: z.object({
    /** In a preview: tables with rows that can only be merged after the schema, if there are any. */
    schemaFirst: z.array(z.string()).optional(),
    /** Tables with rows in the branch, or of which rows were merged before. */
    tables: z.array(
      z.object({
        table: z.string(),
        inserted: z.int(),
        /** Rows of the parent that the branch's took the place of. */
        updated: z.int(),
        /** Rows of the parent that were merged before and are deleted in the branch. */
        deleted: z.int(),
        /** Rows that are the same on both sides, or that the parent alone has changed or deleted since the last merge. */
        unchanged: z.int(),
        conflicts: z.int(),
        /** Rows of which it was known what both sides had when they were merged last. */
        known: z.int(),
      }),
    ),
    /** The first 100. */
    conflicts: z.array(
      z.object({
        table: z.string(),
        reason: z.enum([
          'differs',
          'deleted_in_branch',
          'deleted_in_parent',
          'constraint',
          'null_key',
          'no_primary_key',
          'schema_differs',
          'foreign_key',
        ]),
        message: z.string(),
        /** Values are cut to 200 characters; integers that JSON readers would round are strings. */
        key: Row.nullable(),
        branch: Row.nullable(),
        parent: Row.nullable(),
      }),
    ),
    /** Rows of the parent that go, the first 100; values as above. */
    deletions: z.array(z.object({ table: z.string(), key: Row, parent: Row })),
  }),
  /** The parent as it was before: restoring it undoes the merge. */
  snapshot: Snapshot.nullable(),
  /** Names this plan: `expectedPlan` of a later call. */
  planHash: z.string(),
})
export type MergeReport = z.infer<typeof MergeReport>

/** Operations that merge branches. */
export const merges = {
  merge_branch: operation({
    summary:
      'Merge the schema or the rows of a branch into its parent, wholly or not at all, or tell what that would do',
    route: 'POST /v1/db/{ns}/{db}/branches/{ref}/merge',
    scope: 'admin',
    pinned: false,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/branches/{ref}/merge', role: 'admin' },
    input: z.strictObject({
      ns: Slug,
      db: Slug,
      ref: KnownRef,
      mode: z.enum(['preview', 'schema', 'data']).default('preview'),
      /** Whose row stays, or whose deletion holds, where both sides have changed it. */
      onConflict: z.enum(['abort', 'branch', 'parent']).default('abort'),
      allowDataLoss: z.boolean().default(false),
      /** `planHash` of a preview: refused if it would do something else by now. */
      expectedPlan: z.string().max(100).optional(),
    }),
    output: MergeReport,
    errors: [
      'database_not_found',
      'branch_not_found',
      'fork_point_unknown',
      'merge_conflict',
      'merge_would_lose_data',
      'merge_stale',
      'merge_under_way',
      'merge_impossible',
      'copy_impossible',
      'copy_cut_off',
      'took_too_long',
    ],
  }),
}
