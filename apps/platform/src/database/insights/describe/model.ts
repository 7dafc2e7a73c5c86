/** A column as SQLite tells of it. */
export interface Column {
  readonly name: string
  readonly type: string
  readonly notNull: boolean
  readonly default: string | null
  /** Its place in the primary key, from 1; 0 when it is no part of it. */
  readonly primaryKey: number
  readonly generated: boolean
}

/** A column of an index; `name` is `null` for an expression. */
export interface Term {
  readonly name: string | null
  readonly descending: boolean
  readonly collation: string
}

/** What an index is about, in words. */
export const termNames = (terms: readonly Term[]): string[] => terms.map(({ name }) => name ?? '(expression)')

export interface Index {
  readonly name: string
  readonly unique: boolean
  readonly partial: boolean
  /** `null` for an index that a constraint made. */
  readonly sql: string | null
  readonly terms: readonly Term[]
}

export interface ForeignKey {
  readonly columns: readonly string[]
  readonly table: string
  readonly to: readonly (string | null)[]
  readonly onDelete: string
  readonly onUpdate: string
}

export interface Table {
  readonly name: string
  readonly sql: string
  readonly virtual: boolean
  readonly hasRowid: boolean
  readonly columns: readonly Column[]
  readonly indexes: readonly Index[]
  readonly foreignKeys: readonly ForeignKey[]
}

export interface View {
  readonly name: string
  readonly sql: string
  /** What SQLite says when it does not work. */
  readonly error: string | undefined
  readonly columns: readonly Column[]
}

/** The tenant's schema as a token may see it: with a table scope its tables alone, for views may read others. */
export interface Model {
  readonly tables: readonly Table[]
  readonly views: readonly View[]
  readonly triggers: readonly { readonly name: string; readonly table: string; readonly sql: string }[]
}
