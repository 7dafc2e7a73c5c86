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
