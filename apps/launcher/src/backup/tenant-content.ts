import { stat } from 'node:fs/promises'
import Sqlite from 'libsql'
import { quoteName } from '../../../platform/src/sqlite/identifiers.ts'
import { isInternal } from '../../../platform/src/sqlite/system-tables.ts'

interface SchemaEntry {
  readonly type: string
  readonly name: string
  readonly tableName: string
  readonly sql: string | null
}

/** The content of a tenant: the size of the file, and whether it has a table or a view. */
export interface TenantContent {
  readonly bytes: number
  readonly isEmpty: boolean
}

/**
 * Removes everything of PerSQL and the runtime from the copy of a database's file: what stays is the schema and the rows
 * of its tenant, with their rowids. Pages that become free are zeroed. The file doesn't need its write-ahead log then.
 */
export async function keepTenantContent(file: string): Promise<TenantContent> {
  let isEmpty = false
  const sqlite = new Sqlite(file)
  try {
    // The file is a copy, which is deleted if this fails.
    for (const pragma of ['synchronous = OFF', 'foreign_keys = OFF', 'secure_delete = ON']) {
      sqlite.exec(`PRAGMA ${pragma}`)
    }
    sqlite.exec('BEGIN')
    for (const { type, name } of listInternal(sqlite)) sqlite.exec(`DROP ${type} IF EXISTS ${quoteName(name)}`)
    sqlite.exec('COMMIT')
    isEmpty =
      sqlite.prepare("SELECT 1 FROM sqlite_schema WHERE name NOT LIKE 'sqlite@_%' ESCAPE '@'").get() === undefined
    const [result] = sqlite.prepare('PRAGMA wal_checkpoint(TRUNCATE)').raw().all() as [[busy: number]]
    if (result[0] !== 0) throw new Error(`${file} is in use by another process.`)
  } finally {
    sqlite.close()
  }
  return { bytes: (await stat(file)).size, isEmpty }
}

/** Lists what to drop: triggers before their tables, and virtual tables before those that they own. */
function listInternal(sqlite: Sqlite.Database): SchemaEntry[] {
  const entries = sqlite
    .prepare('SELECT type, name, tbl_name AS tableName, sql FROM sqlite_schema')
    .all() as SchemaEntry[]
  const order = ({ type, sql }: SchemaEntry) =>
    type === 'table' ? (/^\s*create\s+virtual\b/i.test(sql ?? '') ? 1 : 2) : 0
  return entries
    .filter(
      ({ name, tableName, sql }) => sql !== null && !isOfSqlite(name) && (isInternal(name) || isInternal(tableName)),
    )
    .sort((a, b) => order(a) - order(b))
}

const isOfSqlite = (name: string): boolean => /^sqlite_/i.test(name)
