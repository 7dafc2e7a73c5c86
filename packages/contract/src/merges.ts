import * as z from 'zod'
import { KnownRef } from './branches.ts'
import { operation } from './operation.ts'
import { Snapshot } from './snapshots.ts'
import { Slug, Value } from './values.ts'

const Row = z.record(z.string(), Value)

const SchemaChanges = z.object({
  /** In the order they run. */
  statements: z.array(z.object({ sql: z.string(), reason: z.string(), losesData: z.boolean() })),
  /** Conflicts between the schemas. The schema isn't merged while there are any. */
  conflicts: z.array(
    z.object({
      type: z.string(),
      name: z.string(),
      reason: z.string(),
      /** The object at the merge base, in the parent and in the branch; `null` if it doesn't exist there. */
      base: z.string().nullable(),
      parent: z.string().nullable(),
      branch: z.string().nullable(),
    }),
  ),
})

/** The names of the migrations that the branch and its parent don't have in common. */
const MigrationDifference = z.object({
  /** Applied in the branch and not in the parent. */
  branch: z.array(z.string()),
  /** Applied in the parent and not in the branch. */
  parent: z.array(z.string()),
  /** Applied in the branch, while the parent has another migration with that name. */
  diverged: z.array(z.string()),
})

const RowChanges = z.object({
  /** In a preview: tables whose rows can be merged only after the schema. */
  schemaFirst: z.array(z.string()).optional(),
  /** Tables with rows in the branch, or with rows from an earlier merge. */
  tables: z.array(
    z.object({
      table: z.string(),
      inserted: z.int(),
      /** Rows of the parent that were replaced by rows of the branch. */
      updated: z.int(),
      /** Rows of the parent from an earlier merge that are deleted in the branch. */
      deleted: z.int(),
      /** Rows that are equal on both sides, or that only the parent changed or deleted since the last merge. */
      unchanged: z.int(),
      conflicts: z.int(),
      /** Rows whose value at the last merge is known. */
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
      /** Values are truncated to 200 characters; integers that JSON can't represent exactly are strings. */
      key: Row.nullable(),
      branch: Row.nullable(),
      parent: Row.nullable(),
    }),
  ),
  /** The first 100 rows that are deleted in the parent; values as above. */
  deletions: z.array(z.object({ table: z.string(), key: Row, parent: Row })),
})

/** The result of a merge, or its preview. */
export const MergeReport = z.object({
  mode: z.enum(['preview', 'schema', 'data', 'migrations']),
  /** Whether anything was changed. */
  applied: z.boolean(),
  schema: SchemaChanges,
  /**
   * In a preview and in a merge of migrations: those that the branch and its parent don't have in common. In others: the
   * effect of a merge of the schema on recorded migrations; absent without an effect.
   */
  migrations: z
    .object({
      /** Migrations that were applied in the branch and are recorded as applied in the parent. */
      recorded: z.array(z.string()),
      /** Names of migrations that differ in the parent. They are unchanged. */
      diverged: z.array(z.string()),
      /** The tables in which migration tools record applied migrations, with the number of rows added. */
      tables: z.array(z.object({ table: z.string(), rows: z.int() })),
      branch: MigrationDifference.shape.branch.optional(),
      parent: MigrationDifference.shape.parent.optional(),
    })
    .optional(),
  data: RowChanges,
  /** The parent before the merge. Restore it to undo the merge. */
  snapshot: Snapshot.nullable(),
  /** The hash of this plan, for `expectedPlan` of a later call. */
  planHash: z.string(),
})
export type MergeReport = z.infer<typeof MergeReport>

/** Operations that merge branches. */
export const merges = {
  merge_branch: operation({
    summary: "Merge a branch's schema or rows into its parent, all-or-nothing, or preview the merge",
    route: 'POST /v1/db/{ns}/{db}/branches/{ref}/merge',
    scope: 'admin',
    pinned: false,
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/branches/{ref}/merge', role: 'admin' },
    input: z.strictObject({
      ns: Slug,
      db: Slug,
      ref: KnownRef,
      /** `migrations` runs the migrations that only the branch has applied, in the parent, in one transaction. */
      mode: z.enum(['preview', 'schema', 'data', 'migrations']).default('preview'),
      /** The side that wins if both sides changed or deleted a row. */
      onConflict: z.enum(['abort', 'branch', 'parent']).default('abort'),
      allowDataLoss: z.boolean().default(false),
      /** `planHash` of a preview. The merge is refused if the plan has changed. */
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
      'migrations_diverged',
      'sql_error',
      'statement_not_allowed',
      'approval_denied',
      'quota_exceeded',
      'database_full',
      'copy_impossible',
      'copy_cut_off',
      'took_too_long',
    ],
  }),

  diff_branch: operation({
    summary: 'Compare a branch with its parent: schema, migrations and, on request, rows',
    route: 'GET /v1/db/{ns}/{db}/branches/{ref}/diff',
    scope: 'admin',
    pinned: false,
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/branches/{ref}/diff', role: 'admin' },
    input: z.strictObject({
      ns: Slug,
      db: Slug,
      ref: KnownRef,
      /** Whether rows are compared too, like in a preview of a merge. Without it, no rows are read. */
      rows: z.boolean().default(false),
    }),
    output: z.object({
      /** The effect of a merge. Without `rows`, `losesData` is whether a statement can delete data of tables with rows. */
      schema: SchemaChanges,
      migrations: MigrationDifference,
      rows: RowChanges.optional(),
    }),
    errors: [
      'database_not_found',
      'branch_not_found',
      'fork_point_unknown',
      'merge_under_way',
      'merge_impossible',
      'copy_impossible',
      'copy_cut_off',
      'took_too_long',
    ],
  }),
}
