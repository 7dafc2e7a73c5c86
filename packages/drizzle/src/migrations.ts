const FOREIGN_KEYS = /^\s*PRAGMA\s+foreign_keys\s*=\s*\w+\s*;?\s*$/i
const DROP_TABLE = /^\s*DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?[`"[]?([^`"\];]+)/i

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

/** The tables that a migration drops while it has foreign keys turned off. */
export function rebuiltTables(migration: readonly string[]): string[] {
  if (!migration.some((query) => FOREIGN_KEYS.test(query))) return []
  return migration.flatMap((query) => DROP_TABLE.exec(query)?.[1] ?? [])
}

/** A migration without what switches foreign keys, which nobody can here. */
export function withoutSettings(migration: readonly string[]): string[] {
  return migration.filter((query) => !FOREIGN_KEYS.test(query))
}
