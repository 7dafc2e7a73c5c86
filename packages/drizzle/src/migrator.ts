import type { MigrationConfig } from 'drizzle-orm/migrator'
import { migrate as proxy } from 'drizzle-orm/sqlite-proxy/migrator'
import type { PerSQLDatabase } from './database.ts'
import { migrationsOf, rebuiltTables, withoutSettings } from './migrations.ts'

/**
 * Applies the migrations of a folder that are not applied yet. Each is one transaction with its own entry in the table of
 * migrations: applied whole or not at all.
 */
export async function migrate<TSchema extends Record<string, unknown>>(
  db: PerSQLDatabase<TSchema>,
  config: MigrationConfig,
): Promise<void> {
  const database = db.$client
  const apply = async (queries: string[]) => {
    for (const migration of migrationsOf(queries, config.migrationsTable)) {
      const rebuilt = rebuiltTables(migration)
      if (rebuilt.length > 0) refuseReferenced(rebuilt, (await database.schema()).tables)
      await database.transaction(withoutSettings(migration).map((sql) => ({ sql })))
    }
  }
  await proxy(db, apply, config)
}

// SQLite deletes the rows of a table before it drops it: with foreign keys on, others would lose theirs or refuse.
function refuseReferenced(
  rebuilt: readonly string[],
  tables: readonly { name: string; foreignKeys: { table: string }[] }[],
): void {
  const names = new Set(rebuilt.map((name) => name.toLowerCase()))
  for (const { name, foreignKeys } of tables) {
    const key = foreignKeys.find(({ table }) => names.has(table.toLowerCase()))
    if (!key) continue
    throw new Error(
      `This migration turns foreign keys off to rebuild "${key.table}", which "${name}" references. Foreign keys are ` +
        'always on here: drop the reference first and make it again afterwards, or add columns instead of changing them.',
    )
  }
}
