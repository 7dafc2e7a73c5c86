import type { Database } from '@persql/contract'
import { toIso } from '../../clock.ts'
import type { SchemaSummary } from '../../database/metering/measurement.ts'
import type { Migration } from '../../storage/migrate.ts'

/** The schema of each database, as last reported. */
export const SCHEMA_SUMMARIES: Migration = {
  name: 'schemas of databases',
  sql: `
    ALTER TABLE database ADD COLUMN schema_hash TEXT;
    ALTER TABLE database ADD COLUMN migration_name TEXT;
    ALTER TABLE database ADD COLUMN migration_at INTEGER;
    ALTER TABLE database ADD COLUMN migration_count INTEGER;
  `,
}

/** The columns of a schema in the list of databases. */
export interface SchemaRow {
  readonly schema_hash: string | null
  readonly migration_name: string | null
  readonly migration_at: number | null
  readonly migration_count: number | null
}

/** Records the schema of a database. */
export function recordSchema(sql: SqlStorage, id: string, { schemaHash, migration }: SchemaSummary): void {
  sql.exec(
    'UPDATE database SET schema_hash = ?, migration_name = ?, migration_at = ?, migration_count = ? WHERE id = ?',
    schemaHash,
    migration?.name ?? null,
    migration?.atMs ?? null,
    migration?.count ?? null,
    id,
  )
}

/** Returns the schema of a database in the format of the API. */
export function toSchema(row: SchemaRow): Pick<Database, 'schemaHash' | 'migration'> {
  const { schema_hash: schemaHash, migration_name: name, migration_at: at, migration_count: count } = row
  return { schemaHash, migration: name === null ? null : { name, appliedAt: toIso(at ?? 0), count: count ?? 0 } }
}
