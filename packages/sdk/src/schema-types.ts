/** A column of a table. */
export interface SchemaColumn {
  name: string
  type: string
  notNull: boolean
  default: string | null
  /** Its place in the primary key, from 1; 0 when it is no part of it. */
  primaryKey: number
  generated: boolean
}

/** A table as it was declared. */
export interface SchemaTable {
  name: string
  sql: string
  columns: SchemaColumn[]
  indexes: { name: string; unique: boolean; columns: string[]; sql: string | null }[]
  foreignKeys: { column: string; table: string; to: string | null; onDelete: string; onUpdate: string }[]
}

/** Everything that a database declares. */
export interface Schema {
  tables: SchemaTable[]
  views: { name: string; sql: string }[]
  triggers: { name: string; table: string; sql: string }[]
}

/** A table with what is written about it. */
export interface DescribedTable {
  table: string
  description: string | null
  rowCount: number | null
  columns: (SchemaColumn & { description: string | null })[]
  foreignKeys: { columns: string[]; table: string; to: (string | null)[]; onDelete: string; onUpdate: string }[]
  indexes: { name: string; unique: boolean; partial: boolean; columns: string[]; sql: string | null }[]
}

/** A whole schema with what is written about it. */
export interface Described {
  databaseDescription: string | null
  tables: DescribedTable[]
  views: {
    name: string
    sql: string
    description: string | null
    columns: { name: string; type: string; description: string | null }[]
  }[]
  triggers: { name: string; table: string; sql: string }[]
}

/** What a database and its tables are for, in words. */
export interface Docs {
  databaseDescription?: string
  tables: { table: string; description: string; columns: { column: string; description: string }[] }[]
}

/** A table, column or view that words were found in. */
export interface SearchHit {
  kind: 'table' | 'column' | 'view'
  table: string
  column?: string
  score: number
  description?: string
}

/** What in a schema confuses people and models. */
export interface Diagnosis {
  findings: {
    severity: 'error' | 'warning' | 'info'
    rule: string
    table: string
    column?: string
    message: string
    fix?: string
  }[]
  omitted: number
  tables: number
  tablesSampled: number
}
