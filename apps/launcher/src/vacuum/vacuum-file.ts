import type Sqlite from 'libsql'

/** When a VACUUM is worth it, and what it may take. */
export interface VacuumLimits {
  /** The least free pages, in bytes. */
  readonly minFreeBytes: number
  /** The least free pages, as a share of the file. */
  readonly minFreeShare: number
  /** The most pages in use, in bytes: calls wait while they are copied. */
  readonly maxLiveBytes: number
  /** The room on the disk, in bytes. A VACUUM takes twice the pages in use until it ends. */
  readonly roomBytes: number
}

/** Why a file is left as it is. */
export type Skipped = 'few_free_pages' | 'too_large' | 'no_room'

/** The result of a VACUUM, or the reason for none. */
export type FileVacuum =
  | {
      readonly freedBytes: number
      /** The pages of PerSQL's own tables, in bytes. */
      readonly systemBytes: number
    }
  | { readonly skipped: Skipped }

/** The most bytes in use of a file that gets a VACUUM: calls of its database wait while they are copied. */
export const maxLiveBytes = 500_000_000

/** The prefix of the indexes that exist during a VACUUM only. The platform drops those that a killed process left. */
const indexPrefix = '_persql_rowids_'
/** The first page of a file holds the catalog. It counts as PerSQL's. */
const catalogPages = 1

/** Returns whether a file with these free pages is worth a VACUUM. */
export const isWorthwhile = (
  freeBytes: number,
  fileBytes: number,
  { minFreeBytes, minFreeShare }: Pick<VacuumLimits, 'minFreeBytes' | 'minFreeShare'>,
): boolean => freeBytes > 0 && freeBytes >= minFreeBytes && freeBytes >= fileBytes * minFreeShare

/**
 * Runs VACUUM on a file that the platform has open, while the platform writes nothing to it, and shortens the file. Rowids
 * stay the same. If the process is killed, the file has its old or its new content, and can have additional indexes
 * that start with `_persql_rowids_`.
 * @throws Error of SQLite; the content is unchanged then
 */
export function vacuumFile(sqlite: Sqlite.Database, limits: VacuumLimits): FileVacuum {
  // The copy would be in memory otherwise.
  sqlite.exec('PRAGMA temp_store = file')
  const pageSize = readNumber(sqlite, 'PRAGMA page_size')
  const pages = readNumber(sqlite, 'PRAGMA page_count')
  const freePages = readNumber(sqlite, 'PRAGMA freelist_count')
  const liveBytes = (pages - freePages) * pageSize
  if (!isWorthwhile(freePages * pageSize, pages * pageSize, limits)) return { skipped: 'few_free_pages' }
  if (liveBytes > limits.maxLiveBytes) return { skipped: 'too_large' }
  if (liveBytes * 2 > limits.roomBytes) return { skipped: 'no_room' }
  keepingRowids(sqlite, () => sqlite.exec('VACUUM'))
  sqlite.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const freedBytes = (pages - readNumber(sqlite, 'PRAGMA page_count')) * pageSize
  return { freedBytes, systemBytes: measureSystemTables(sqlite) + catalogPages * pageSize }
}

/**
 * Runs a VACUUM with an index on each table that has neither an index nor an INTEGER PRIMARY KEY, because VACUUM would
 * number the rows of such a table again. The indexes contain no rows.
 */
function keepingRowids(sqlite: Sqlite.Database, vacuum: () => void): void {
  const tables = listUnindexed(sqlite)
  inTransaction(sqlite, () => {
    for (const [i, { table, column }] of tables.entries())
      sqlite.exec(`CREATE INDEX "${indexPrefix}${i}" ON ${quote(table)} (${quote(column)}) WHERE 0`)
  })
  try {
    vacuum()
  } finally {
    inTransaction(sqlite, () => {
      for (const i of tables.keys()) sqlite.exec(`DROP INDEX "${indexPrefix}${i}"`)
    })
  }
}

interface Unindexed {
  readonly table: string
  /** A stored column of it. */
  readonly column: string
}

/** Lists the tables that have no key and no index. SQLite's own tables can't have one, and nothing refers to their rowids. */
function listUnindexed(sqlite: Sqlite.Database): Unindexed[] {
  return sqlite
    .prepare(
      `SELECT m.name AS "table", min(c.name) AS "column" FROM sqlite_master AS m, pragma_table_xinfo(m.name) AS c
       WHERE m.type = 'table' AND m.rootpage > 0 AND m.name NOT LIKE 'sqlite@_%' ESCAPE '@' AND c.hidden = 0
         AND NOT EXISTS (SELECT 1 FROM pragma_index_list(m.name))
         AND NOT EXISTS (SELECT 1 FROM pragma_table_info(m.name) WHERE pk > 0)
       GROUP BY m.name`,
    )
    .all() as Unindexed[]
}

/** Returns the size of PerSQL's own tables and of the runtime's. */
function measureSystemTables(sqlite: Sqlite.Database): number {
  const trees = sqlite
    .prepare(
      `SELECT name FROM sqlite_master WHERE rootpage > 0
       AND (lower(tbl_name) GLOB '_persql_*' OR lower(tbl_name) GLOB '_cf_*')`,
    )
    .all() as { name: string }[]
  const measure = sqlite.prepare(
    'SELECT coalesce(sum(pgsize), 0) AS bytes FROM dbstat WHERE name = ? AND aggregate = 1',
  )
  return trees.reduce((sum, { name }) => sum + (measure.get(name) as { bytes: number }).bytes, 0)
}

function inTransaction(sqlite: Sqlite.Database, work: () => void): void {
  sqlite.exec('BEGIN IMMEDIATE')
  try {
    work()
    sqlite.exec('COMMIT')
  } catch (cause) {
    if (sqlite.inTransaction) sqlite.exec('ROLLBACK')
    throw cause
  }
}

function readNumber(sqlite: Sqlite.Database, pragma: string): number {
  const [row] = sqlite.prepare(pragma).all() as Record<string, number>[]
  const [value] = Object.values(row ?? {})
  if (typeof value !== 'number') throw new Error(`${pragma} returned no number.`)
  return value
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`
