const FOREIGN_KEYS_OFF = /^\s*(?:--[^\n]*\n\s*)*PRAGMA\s+foreign_keys\s*=\s*(?:OFF|0|NO|FALSE)\s*;?\s*$/i

/** Splits the statements of Drizzle's migrator into migrations. Each ends with the statement that records it. */
export function splitMigrations(queries: readonly string[], table = '__drizzle_migrations'): string[][] {
  const migrations: string[][] = []
  let current: string[] = []
  for (const query of queries) {
    if (/^\s*(--[^\n]*\s*)*$/.test(query)) continue
    current.push(query)
    if (!query.startsWith(`INSERT INTO \`${table}\` ("hash", "created_at")`)) continue
    migrations.push(current)
    current = []
  }
  return migrations
}

/**
 * Moves the statement that disables foreign keys to the start of a migration that has one. PerSQL then runs the migration
 * with foreign keys off and checks them at its end.
 */
export function foreignKeysOffFirst(migration: readonly string[]): string[] {
  const off = migration.find((query) => FOREIGN_KEYS_OFF.test(query))
  return off === undefined ? [...migration] : [off, ...migration.filter((query) => query !== off)]
}
