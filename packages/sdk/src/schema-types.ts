/** A column of a table. */
export interface SchemaColumn {
  name: string
  type: string
  notNull: boolean
  default: string | null
  /** Position in the primary key, starting at 1; 0 if it isn't part of it. */
  primaryKey: number
  generated: boolean
}

/** A table of a schema. */
export interface SchemaTable {
  name: string
  sql: string
  columns: SchemaColumn[]
  indexes: { name: string; unique: boolean; columns: string[]; sql: string | null }[]
  foreignKeys: { column: string; table: string; to: string | null; onDelete: string; onUpdate: string }[]
}

/** The schema of a database. */
export interface Schema {
  tables: SchemaTable[]
  views: { name: string; sql: string }[]
  triggers: { name: string; table: string; sql: string }[]
}

/** A table with its descriptions. */
export interface DescribedTable {
  table: string
  description: string | null
  rowCount: number | null
  columns: (SchemaColumn & { description: string | null })[]
  foreignKeys: { columns: string[]; table: string; to: (string | null)[]; onDelete: string; onUpdate: string }[]
  indexes: { name: string; unique: boolean; partial: boolean; columns: string[]; sql: string | null }[]
}

/** A schema with its descriptions. */
export interface SchemaDescription {
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

/** The descriptions of a database and its tables. */
export interface Docs {
  databaseDescription?: string
  tables: { table: string; description: string; columns: { column: string; description: string }[] }[]
}

/** A table, column or view that matches a search. */
export interface SearchHit {
  kind: 'table' | 'column' | 'view'
  table: string
  column?: string
  score: number
  description?: string
}

/** The report of the schema doctor. */
export interface DoctorReport {
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
