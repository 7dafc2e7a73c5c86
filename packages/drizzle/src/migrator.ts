import type { MigrationConfig } from 'drizzle-orm/migrator'
import { migrate as proxy } from 'drizzle-orm/sqlite-proxy/migrator'
import type { PerSQLDatabase } from './database.ts'
import { foreignKeysOffFirst, migrationsOf } from './migrations.ts'

/**
 * Applies the migrations of a folder that are not applied yet. Each is one transaction with its own entry in the table of
 * migrations: applied whole or not at all. A migration that turns foreign keys off to rebuild a table keeps the rows that
 * refer to it: foreign keys are off for all of it, and are checked at its end.
 */
export async function migrate<TSchema extends Record<string, unknown>>(
  db: PerSQLDatabase<TSchema>,
  config: MigrationConfig,
): Promise<void> {
  const apply = async (queries: string[]) => {
    for (const migration of migrationsOf(queries, config.migrationsTable)) {
      await db.$client.transaction(foreignKeysOffFirst(migration).map((sql) => ({ sql })))
    }
  }
  await proxy(db, apply, config)
}
