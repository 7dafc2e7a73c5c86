const FOREIGN_KEYS_OFF = /^\s*(?:--[^\n]*\n\s*)*PRAGMA\s+foreign_keys\s*=\s*(?:OFF|0|NO|FALSE)\s*;?\s*$/i

/** Cuts what drizzle's migrator wants run into its migrations: each ends where it is recorded. */
export function migrationsOf(queries: readonly string[], table = '__drizzle_migrations'): string[][] {
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
 * Puts the statement that turns foreign keys off first, where a migration has one. PerSQL then runs the migration with
 * foreign keys off and checks them at its end.
 */
export function foreignKeysOffFirst(migration: readonly string[]): string[] {
  const off = migration.find((query) => FOREIGN_KEYS_OFF.test(query))
  return off === undefined ? [...migration] : [off, ...migration.filter((query) => query !== off)]
}
