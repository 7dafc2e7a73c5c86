import type { Snapshot, Value, WriteOptions } from './types.ts'

/** How a database leaves and enters. */
export type FileFormat = 'sql' | 'sqlite' | 'csv' | 'ndjson'

/** How a file is imported. */
export interface ImportOptions extends WriteOptions {
  /** Found by the name or the beginning of the file when it is not given. */
  format?: FileFormat
  /** Where the rows go, for csv and ndjson. */
  table?: string
  /** Make the table; the types of its columns are found from the data. */
  create?: boolean
  /** Told how far it is, about twice a second. */
  onProgress?: (progress: ImportProgress) => void
}

/** What an import did. */
export interface Imported {
  id: string
  /** Statements of the file that ran; rows of CSV and NDJSON are none. */
  statements: number
  /** Rows that were inserted, changed or deleted by the file. */
  rows: number
  tables: string[]
  bytes: number
  /** Of the time in which others waited. */
  durationMs: number
}

/** How far an import is, or how it ended. */
export interface ImportProgress {
  id: string
  /** While it is `receiving` the database serves everything; while it is `applying` calls wait. */
  state: 'receiving' | 'applying' | 'done' | 'failed'
  bytes: number
  totalBytes: number | null
  rows: number
  startedAt: string
  endedAt?: string
  error?: string
}

/** How a branch is merged. */
export interface MergeOptions {
  /** `preview` changes nothing, and is what is done when nothing is said. */
  mode?: 'preview' | 'schema' | 'data'
  /** Whose row stays, or whose deletion holds, where both sides have changed it. */
  onConflict?: 'abort' | 'branch' | 'parent'
  allowDataLoss?: boolean
  /** `planHash` of a preview: refused if it would do something else by now. */
  expectedPlan?: string
}

/** A row of a conflict. A value of bytes is base64, as it travels. */
export type MergeRow = Record<string, Exclude<Value, Uint8Array> | { base64: string }>

/** What merging a branch did, or would do. */
export interface MergeReport {
  mode: 'preview' | 'schema' | 'data'
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
  /** What merging the schema does to the state of migrations. */
  migrations?: {
    /** Names of migrations that were applied in the branch and count as applied in the parent then. */
    recorded: string[]
    /** Names under which the parent has another migration. */
    diverged: string[]
    /** Tables of migration tools, with the rows that are added. */
    tables: { table: string; rows: number }[]
  }
  data: {
    /** In a preview: tables with rows that can only be merged after the schema. */
    schemaFirst?: string[]
    tables: {
      table: string
      inserted: number
      updated: number
      /** Rows that were merged before and are deleted in the branch. */
      deleted: number
      unchanged: number
      conflicts: number
      /** Rows of which it was known what both sides had when they were merged last. */
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
    /** Rows of the parent that go, the first 100. */
    deletions: { table: string; key: MergeRow; parent: MergeRow }[]
  }
  /** The parent as it was before: restoring it undoes the merge. */
  snapshot: Snapshot | null
  planHash: string
}
