import type { AppliedMigrations } from '../../sqlite/stored-migration.ts'

/** The schema of a database as lists show it. */
export interface SchemaSummary {
  /** Equal for schemas that behave alike; `null` for a schema that is too large. */
  readonly schemaHash: string | null
  /** The last applied migration, and the number of all; `null` without one. */
  readonly migration: AppliedMigrations | null
}

/** The size and schema of a database at one time. */
export interface SizeMeasurement extends SchemaSummary {
  readonly storedBytes: number
  readonly rows: number
  readonly rowsAreEstimated: boolean
  readonly measuredAtMs: number
}
