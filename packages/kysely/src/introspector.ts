import {
  type DatabaseIntrospector,
  type DatabaseMetadataOptions,
  type Kysely,
  type SchemaMetadata,
  sql,
  type TableMetadata,
} from 'kysely'

// Kysely 0.28 and 0.29 export these names from different modules.
const MIGRATION_TABLES = ['kysely_migration', 'kysely_migration_lock']

/** A table in the format of Kysely 0.29. */
type Table = TableMetadata & { readonly isForeign: boolean }

interface ColumnRow {
  table: string
  kind: 'table' | 'view'
  name: string
  type: string
  notnull: 0 | 1
  dflt_value: string | null
  pk: number
  /** The number of columns of the primary key. */
  keys: number
}

/** Reads tables and views like Kysely's own introspector, without system tables. */
export class PerSQLIntrospector implements DatabaseIntrospector {
  // biome-ignore lint/suspicious/noExplicitAny: Kysely's own signature
  readonly #db: Kysely<any>

  // biome-ignore lint/suspicious/noExplicitAny: as above
  constructor(db: Kysely<any>) {
    this.#db = db
  }

  /** Returns no schemas, because SQLite has none. */
  async getSchemas(): Promise<SchemaMetadata[]> {
    return []
  }

  async getTables(options: DatabaseMetadataOptions = { withInternalKyselyTables: false }): Promise<TableMetadata[]> {
    // The names are filtered before columns are read, because the columns of the runtime's own tables can't be read.
    const { rows } = await sql<ColumnRow>`
      SELECT m.name AS "table", m.type AS kind, p.name, p.type, p."notnull", p.dflt_value, p.pk,
        sum(p.pk > 0) OVER (PARTITION BY m.name) AS keys
      FROM (
        SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')
          AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*' AND name NOT GLOB '_persql_*'
      ) m CROSS JOIN pragma_table_info(m.name) p
      ORDER BY m.name, p.cid`.execute(this.#db)
    const tables = new Map<string, Table>()
    for (const row of rows) {
      if (!options.withInternalKyselyTables && MIGRATION_TABLES.includes(row.table)) continue
      const isView = row.kind === 'view'
      const table: Table = tables.get(row.table) ?? { name: row.table, isView, isForeign: false, columns: [] }
      table.columns.push({
        name: row.name,
        dataType: row.type,
        isNullable: row.notnull === 0,
        isAutoIncrementing: row.pk > 0 && row.keys === 1 && row.type.toLowerCase() === 'integer',
        hasDefaultValue: row.dflt_value !== null,
      })
      tables.set(row.table, table)
    }
    return [...tables.values()]
  }

  async getMetadata(options?: DatabaseMetadataOptions): Promise<{ tables: TableMetadata[] }> {
    return { tables: await this.getTables(options) }
  }
}
