import { lower, nameOf, quoteName, tokens } from './statement.ts'

/** Runs SQL inside the object and returns its rows as arrays. */
export type Run = (sql: string, ...params: unknown[]) => unknown[][]

/** Where the b-trees and virtual tables of a database are, so that a compiled program can be read back into names. */
export interface SchemaMap {
  /** Root page → the table whose rows or index entries it holds. */
  readonly roots: ReadonlyMap<number, string>
  /** Address in the program → the virtual table, and the tables it reads in turn. */
  readonly virtual: ReadonlyMap<string, readonly string[]>
  /** Address of what ALTER checks rows with that are there already, where a constraint or type is new to them. */
  readonly check: string | undefined
  /** Text of all views and triggers, in lower case. */
  readonly programs: string
}

/** Table-valued functions that read nothing but their arguments. */
const PURE = ['json_each', 'json_tree', 'jsonb_each', 'jsonb_tree']
/** Table-valued functions that tell of the schema: reported as a read of `sqlite_schema`. */
const ABOUT_SCHEMA = [
  'pragma_table_info',
  'pragma_table_xinfo',
  'pragma_table_list',
  'pragma_index_list',
  'pragma_index_info',
  'pragma_index_xinfo',
  'pragma_foreign_key_list',
]

/** The name under which the schema table is reported and scoped. */
export const SCHEMA_TABLE = 'sqlite_schema'

/** Reads the map. It is valid until the schema changes; the addresses only within this life of the connection. */
export function readSchemaMap(run: Run): SchemaMap {
  const rows = run('SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master') as [
    string,
    string,
    string,
    number,
    string | null,
  ][]
  const roots = new Map([[1, SCHEMA_TABLE]])
  for (const [, , table, root] of rows) if (root) roots.set(root, table)

  const virtual = new Map<string, readonly string[]>()
  const learn = (from: string, tables: readonly string[]) => {
    const address = addressOf(run, from)
    if (address) virtual.set(address, tables)
  }
  for (const [type, name, , , sql] of rows) {
    if (type === 'table' && sql && isVirtual(sql)) learn(quoteName(name), [name, ...readsOf(sql)])
  }
  for (const name of PURE) learn(`${name}('[]')`, [])
  for (const name of ABOUT_SCHEMA) learn(name, [SCHEMA_TABLE])
  const programs = rows
    .filter(([type]) => type === 'view' || type === 'trigger')
    .map(([, , , , sql]) => lower(sql ?? ''))
    .join('\n')
  return { roots, virtual, check: addressOf(run, 'pragma_quick_check'), programs }
}

/** The compiled program names a virtual table by its address only, so ask for a program that surely opens this one. */
function addressOf(run: Run, from: string): string | undefined {
  try {
    return run(`EXPLAIN SELECT 1 FROM ${from}`).find((row) => row[1] === 'VOpen')?.[5] as string | undefined
  } catch {
    return undefined // a broken or unavailable table opens nothing; what uses it stays unresolved
  }
}

const isVirtual = (sql: string) => /^\s*create\s+virtual\b/i.test(sql)

/** The tables that a virtual table reads behind the program's back: FTS5's external content, fts5vocab's source. */
function readsOf(sql: string): string[] {
  const list = [...tokens(sql)].map((token) => ({
    ...token,
    name: nameOf(sql, token),
    text: sql.slice(token.start, token.end),
  }))
  const using = list.findIndex((token) => token.name === 'using')
  const module = list[using + 1]?.name
  const args = list.slice(using + 3)
  // fts5vocab(table, type) or fts5vocab(schema, table, type)
  if (module === 'fts5vocab')
    return args
      .filter(({ kind }) => kind === 'word' || kind === 'quoted')
      .slice(-2, -1)
      .map(({ name }) => name)
  return args.flatMap((token, i) =>
    token.name === 'content' && args[i + 1]?.text === '=' && args[i + 2]?.name ? [args[i + 2]?.name as string] : [],
  )
}
