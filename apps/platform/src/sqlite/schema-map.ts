import { lower, quoteName } from './identifiers.ts'
import { listSources } from './virtual-tables.ts'

/** Runs SQL inside the object and returns its rows as arrays. */
export type RunSql = (sql: string, ...params: unknown[]) => unknown[][]

/** The b-trees and virtual tables of a database, which translate a compiled program back to names. */
export interface SchemaMap {
  /** The table that a root page belongs to. Root pages of indexes are included. */
  readonly roots: ReadonlyMap<number, string>
  /** By address in the program: the virtual table, and the tables that it reads. */
  readonly virtual: ReadonlyMap<string, readonly string[]>
  /**
   * The address of `pragma_quick_check`, with which ALTER checks existing rows if a constraint or type is new for them.
   */
  readonly check: string | undefined
  /** The SQL of all views and triggers, in lower case. */
  readonly programs: string
  /** The names of all views, in lower case. */
  readonly views: ReadonlySet<string>
  /** The names of all virtual tables, in lower case. */
  readonly virtuals: ReadonlySet<string>
  /** The names of virtual tables that read views, in lower case: a scan of one can take any time. */
  readonly ofViews: ReadonlySet<string>
}

type CatalogRow = [type: string, name: string, table: string, root: number, sql: string | null]

/** Table-valued functions that read only their arguments. */
export const PURE = ['json_each', 'json_tree', 'jsonb_each', 'jsonb_tree']
/** Table-valued functions that read the schema. They are reported as reads of `sqlite_schema`. */
export const ABOUT_SCHEMA = [
  'pragma_table_info',
  'pragma_table_xinfo',
  'pragma_table_list',
  'pragma_index_list',
  'pragma_index_info',
  'pragma_index_xinfo',
  'pragma_foreign_key_list',
]

/** The name that reads of the schema table are reported and authorized under. */
export const SCHEMA_TABLE = 'sqlite_schema'

/**
 * Reads the map. It is valid until the schema changes, and its addresses until the connection closes. Addresses are
 * found when they are first used: each takes a compilation, and few programs open virtual tables.
 */
export function readSchemaMap(run: RunSql): SchemaMap {
  const rows = run('SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master') as CatalogRow[]
  const roots = new Map([[1, SCHEMA_TABLE]])
  for (const [, , table, root] of rows) if (root) roots.set(root, table)

  const views = new Set(rows.filter(([type]) => type === 'view').map(([, name]) => lower(name)))
  const declared = rows.filter(([type, , , , sql]) => type === 'table' && sql && isVirtual(sql))
  const programs = rows
    .filter(([type]) => type === 'view' || type === 'trigger')
    .map(([, , , , sql]) => lower(sql ?? ''))
    .join('\n')
  const virtuals = new Set(declared.map(([, name]) => lower(name)))
  const map = { roots, programs, views, virtuals }
  const virtual = once(() => readAddresses(run, declared, map))
  const check = once(() => findAddress(run, 'pragma_quick_check'))
  const ofViews = once(() => findThoseOfViews(declared, views))
  return {
    ...map,
    get ofViews() {
      return ofViews()
    },
    get virtual() {
      return virtual()
    },
    get check() {
      return check()
    },
  }
}

/** Returns the tables that each virtual table and table-valued function reads, by its address. */
function readAddresses(
  run: RunSql,
  declared: readonly CatalogRow[],
  { roots, views }: Pick<SchemaMap, 'roots' | 'views'>,
): SchemaMap['virtual'] {
  const virtual = new Map<string, readonly string[]>()
  const learn = (address: string | undefined, tables: readonly string[]) => {
    if (address) virtual.set(address, tables)
  }
  for (const name of PURE) learn(findAddress(run, `${name}('[]')`), [])
  for (const name of ABOUT_SCHEMA) learn(findAddress(run, name), [SCHEMA_TABLE])
  const found = declared.map(([, name, , , sql]) => {
    return { name, address: findAddress(run, quoteName(name)), sources: listSources(sql as string) }
  })
  for (const { name, address, reads } of resolve(found, roots, virtual, views, run)) learn(address, [name, ...reads])
  return virtual
}

function findThoseOfViews(declared: readonly CatalogRow[], views: SchemaMap['views']): Set<string> {
  const sources = declared.map(([, name, , , sql]) => [lower(name), listSources(sql as string)?.map(lower)] as const)
  const found = new Set<string>()
  // A virtual table can read another one.
  for (let before = -1; before < found.size; ) {
    before = found.size
    for (const [name, reads] of sources) {
      if (reads?.some((source) => views.has(source) || found.has(source))) found.add(name)
    }
  }
  return found
}

function once<T>(read: () => T): () => T {
  let known: { readonly value: T } | undefined
  return () => {
    known ??= { value: read() }
    return known.value
  }
}

interface Declared {
  readonly name: string
  readonly address: string | undefined
  /** The declared sources that the table reads besides itself, or `undefined` if unknown. */
  readonly sources: readonly string[] | undefined
}

/** Resolves the sources of virtual tables, through views and other virtual tables, to all tables that they read. */
function resolve(
  declared: readonly Declared[],
  roots: SchemaMap['roots'],
  functions: SchemaMap['virtual'],
  views: SchemaMap['views'],
  run: RunSql,
): (Declared & { readonly reads: readonly string[] })[] {
  const byName = new Map(declared.map((each) => [lower(each.name), each]))
  const byAddress = new Map(declared.map((each) => [each.address, each]))
  const tables = new Map([...roots.values()].map((name) => [lower(name), name]))
  tables.set('sqlite_master', SCHEMA_TABLE)
  /** Adds all tables that `sources` read to `reads`. Returns false if some are unknown. */
  const follow = (sources: readonly string[] | undefined, reads: Set<string>, seen: Set<string>): boolean => {
    if (!sources) return false
    return sources.every((source) => {
      const name = lower(source)
      if (seen.has(name)) return true
      seen.add(name)
      if (views.has(name)) return follow(readsOfView(source), reads, seen)
      const virtual = byName.get(name)
      reads.add(virtual?.name ?? tables.get(name) ?? source)
      return virtual === undefined || follow(virtual.sources, reads, seen)
    })
  }
  const readsOfView = (view: string): string[] | undefined => {
    const program = explainSelect(run, quoteName(view))
    // A broken view reads nothing now. Its name stands for the tables that it can read later.
    if (program.length === 0) return [view]
    const reads: string[] = []
    for (const [, opcode, , root, , address] of program) {
      const table =
        opcode === 'OpenRead' || opcode === 'ReopenIdx'
          ? [roots.get(root as number)]
          : opcode === 'VOpen'
            ? (functions.get(address as string) ?? [byAddress.get(address as string)?.name])
            : []
      for (const name of table) {
        if (name === undefined) return undefined
        reads.push(name)
      }
    }
    return reads
  }
  return declared.flatMap((each) => {
    const reads = new Set<string>()
    return follow(each.sources, reads, new Set([lower(each.name)])) ? [{ ...each, reads: [...reads] }] : []
  })
}

/**
 * Returns the address of a virtual table. A compiled program contains only the address, so compile one that opens just
 * this table.
 */
const findAddress = (run: RunSql, from: string): string | undefined =>
  explainSelect(run, from).find((row) => row[1] === 'VOpen')?.[5] as string | undefined

function explainSelect(run: RunSql, from: string): readonly (readonly unknown[])[] {
  try {
    return run(`EXPLAIN SELECT * FROM ${from}`)
  } catch {
    return [] // A broken or unavailable table opens nothing, so its users stay unresolved.
  }
}

const isVirtual = (sql: string) => /^\s*create\s+virtual\b/i.test(sql)
