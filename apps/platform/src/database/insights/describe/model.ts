/** A column as SQLite reports it. */
export interface Column {
  readonly name: string
  readonly type: string
  readonly notNull: boolean
  readonly default: string | null
  /** Position in the primary key, from 1; 0 for other columns. */
  readonly primaryKey: number
  readonly generated: boolean
}

/** A column of an index; `name` is `null` for an expression. */
export interface Term {
  readonly name: string | null
  readonly descending: boolean
  readonly collation: string
}

/** Returns the names of an index's columns. */
export const termNames = (terms: readonly Term[]): string[] => terms.map(({ name }) => name ?? '(expression)')

export interface Index {
  readonly name: string
  readonly unique: boolean
  readonly partial: boolean
  /** `null` for the index of a constraint. */
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
  /** SQLite's error if the view is broken. */
  readonly error: string | undefined
  readonly columns: readonly Column[]
}

/** The schema that a token can see. With a table scope, it has no views, because views can read other tables. */
export interface Model {
  readonly tables: readonly Table[]
  readonly views: readonly View[]
  readonly triggers: readonly { readonly name: string; readonly table: string; readonly sql: string }[]
}
