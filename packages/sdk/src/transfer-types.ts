import type { Snapshot, Value, WriteOptions } from './types.ts'

/** The format of an export or import. */
export type FileFormat = 'sql' | 'sqlite' | 'csv' | 'ndjson'

/** The options of an import. */
export interface ImportOptions extends WriteOptions {
  /** Default: detected from the name or the first bytes of the file. */
  format?: FileFormat
  /** The target table, for csv and ndjson. */
  table?: string
  /** Whether to create the table, with column types detected from the data. */
  create?: boolean
  /** Called with the progress about twice a second. */
  onProgress?: (progress: ImportProgress) => void
}

/** The result of an import. */
export interface ImportResult {
  id: string
  /** Number of statements that ran; 0 for CSV and NDJSON. */
  statements: number
  /** Number of rows that were inserted, changed or deleted. */
  rows: number
  tables: string[]
  bytes: number
  /** The time that other calls waited. */
  durationMs: number
}

/** The progress of an import, or its result. */
export interface ImportProgress {
  id: string
  /** The database serves calls while `receiving`; all calls wait while `applying`. */
  state: 'receiving' | 'applying' | 'done' | 'failed'
  bytes: number
  totalBytes: number | null
  rows: number
  startedAt: string
  endedAt?: string
  error?: string
}

/** The options of a merge. */
export interface MergeOptions {
  /** Default: `preview`, which changes nothing. */
  mode?: 'preview' | 'schema' | 'data' | 'migrations'
  /** The side that wins if both sides changed or deleted a row. */
  onConflict?: 'abort' | 'branch' | 'parent'
  allowDataLoss?: boolean
  /** `planHash` of a preview. The merge is refused if the plan has changed. */
  expectedPlan?: string
}

/** A row of a conflict. Bytes are base64. */
export type MergeRow = Record<string, Exclude<Value, Uint8Array> | { base64: string }>

/** The differences between a branch and its database. */
export interface BranchDiff {
  /** The effect of a merge. Without `rows`, `losesData` is whether a statement can delete data of tables with rows. */
  schema: MergeReport['schema']
  /** Names of migrations. */
  migrations: {
    /** Applied in the branch and not in the parent. */
    branch: string[]
    /** Applied in the parent and not in the branch. */
    parent: string[]
    /** Applied in the branch, while the parent has another migration with that name. */
    diverged: string[]
  }
  rows?: MergeReport['data']
}

/** The result of a merge, or its preview. */
export interface MergeReport {
  mode: 'preview' | 'schema' | 'data' | 'migrations'
  /** Whether anything was changed. */
  applied: boolean
  schema: {
    statements: { sql: string; reason: string; losesData: boolean }[]
    conflicts: {
      type: string
      name: string
      reason: string
      base: string | null
      parent: string | null
      branch: string | null
    }[]
  }
  /** The effect of a merge on recorded migrations, and in a preview the migrations that the sides don't have in common. */
  migrations?: {
    /** Migrations that were applied in the branch and are recorded as applied in the parent. */
    recorded: string[]
    /** Names of migrations that differ in the parent. */
    diverged: string[]
    /** Tables of migration tools, with the number of rows added. */
    tables: { table: string; rows: number }[]
    /** Applied in the branch and not in the parent. */
    branch?: string[]
    /** Applied in the parent and not in the branch. */
    parent?: string[]
  }
  data: {
    /** In a preview: tables whose rows can be merged only after the schema. */
    schemaFirst?: string[]
    tables: {
      table: string
      inserted: number
      updated: number
      /** Rows of the parent from an earlier merge that are deleted in the branch. */
      deleted: number
      unchanged: number
      conflicts: number
      /** Rows whose value at the last merge is known. */
      known: number
    }[]
    /** The first 100. */
    conflicts: {
      table: string
      reason:
        | 'differs'
        | 'deleted_in_branch'
        | 'deleted_in_parent'
        | 'constraint'
        | 'null_key'
        | 'no_primary_key'
        | 'schema_differs'
        | 'foreign_key'
      message: string
      key: MergeRow | null
      branch: MergeRow | null
      parent: MergeRow | null
    }[]
    /** The first 100 rows that are deleted in the parent. */
    deletions: { table: string; key: MergeRow; parent: MergeRow }[]
  }
  /** The parent before the merge. Restore it to undo the merge. */
  snapshot: Snapshot | null
  planHash: string
}
