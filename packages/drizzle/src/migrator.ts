import type { MigrationConfig } from 'drizzle-orm/migrator'
import { migrate as proxy } from 'drizzle-orm/sqlite-proxy/migrator'
import type { PerSQLDatabase } from './database.ts'
import { foreignKeysOffFirst, splitMigrations } from './migrations.ts'

/**
 * Applies the pending migrations of a folder. Each migration and its entry in the migrations table are one transaction. A
 * migration that disables foreign keys to rebuild a table keeps the rows that reference the table: foreign keys are off
 * for the whole migration, and are checked at its end.
 */
export async function migrate<TSchema extends Record<string, unknown>>(
  db: PerSQLDatabase<TSchema>,
  config: MigrationConfig,
): Promise<void> {
  const apply = async (queries: string[]) => {
    for (const migration of splitMigrations(queries, config.migrationsTable)) {
      await db.$client.transaction(foreignKeysOffFirst(migration).map((sql) => ({ sql })))
    }
  }
  await proxy(db, apply, config)
}
