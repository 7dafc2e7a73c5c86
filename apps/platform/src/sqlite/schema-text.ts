/** Everything a database's schema consists of, in an order in which it loads: rows go in after the tables. */
export interface SchemaText {
  /** `CREATE TABLE` and `CREATE VIRTUAL TABLE`, without the tables that a virtual table makes by itself. */
  readonly tables: readonly SchemaObject[]
  /** Indexes, then views, then triggers: a trigger may stand on a view. */
  readonly others: readonly SchemaObject[]
}

export interface SchemaObject {
  readonly type: 'table' | 'index' | 'view' | 'trigger'
  readonly name: string
  readonly sql: string
}
