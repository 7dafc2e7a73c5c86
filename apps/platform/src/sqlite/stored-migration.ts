import type { Migration } from '@persql/contract'

/** A migration as it is stored; without `applied`, a draft. */
export interface StoredMigration {
  /** Numbers of one database only grow. */
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
  /** Applied in the database that this one was forked or branched from. */
  readonly inherited?: boolean
  readonly failed?: Omit<NonNullable<Migration['error']>, 'at'> & { readonly atMs: number }
}
