import type { Migration } from '@persql/contract'

/** A stored migration. Without `applied`, it is a draft. */
export interface StoredMigration {
  /** Numbers increase within a database. */
  readonly number: number
  readonly name: string
  readonly sql: string
  readonly checksum: string
  readonly statements: number
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly applied?: {
    readonly atMs: number
    readonly by: string
    readonly durationMs: number
    readonly bookmark: string | null
  }
  /** Whether the migration was applied in the parent of this fork or branch. */
  readonly inherited?: boolean
  readonly failed?: Omit<NonNullable<Migration['error']>, 'at'> & { readonly atMs: number }
}

/** The migration that was applied last, and the number of applied ones. */
export interface AppliedMigrations {
  readonly name: string
  readonly atMs: number
  readonly count: number
}
