/** A database's schema in an order in which it can be loaded. Rows are inserted after the tables are created. */
export interface SchemaText {
  /** `CREATE TABLE` and `CREATE VIRTUAL TABLE`, without shadow tables. */
  readonly tables: readonly SchemaObject[]
  /** Indexes, then views, then triggers, because a trigger can belong to a view. */
  readonly others: readonly SchemaObject[]
}

export interface SchemaObject {
  readonly type: 'table' | 'index' | 'view' | 'trigger'
  readonly name: string
  readonly sql: string
}
