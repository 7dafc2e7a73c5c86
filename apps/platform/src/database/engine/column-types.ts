import type { RunSql } from '../../sqlite/schema-map.ts'
import { type Statement, tokens } from '../../sqlite/tokenizer.ts'
import type { Analysis } from '../authorizer/authorizer.ts'
import { readReturning } from './returning.ts'
import { createRunSql } from './run-sql.ts'

/** Reads the declared types of result columns. The caches of the engine stay valid, because nothing changes. */
export class ColumnTypes {
  readonly #storage: DurableObjectStorage
  readonly #run: RunSql
  readonly #known = new WeakMap<Analysis, readonly (string | null)[]>()

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
    this.#run = createRunSql(storage.sql)
  }

  /**
   * Returns the declared type of each column of a statement's result, `null` for expressions; an empty list for
   * statements that return no table columns, such as a PRAGMA.
   */
  of(analysis: Analysis): readonly (string | null)[] {
    const known = this.#known.get(analysis)
    if (known) return known
    const types = this.#read(analysis)
    this.#known.set(analysis, types)
    return types
  }

  #read({ statement, effect }: Analysis): readonly (string | null)[] {
    const select = this.#toSelect(statement)
    if (select === undefined) return []
    let types: string[] = []
    try {
      this.#storage.transactionSync(() => {
        this.#run(`CREATE VIEW ${VIEW} AS ${select}`)
        types = this.#run(`SELECT type FROM pragma_table_info('${VIEW}') ORDER BY cid`).map(([type]) => type as string)
        throw new RolledBack()
      })
    } catch (cause) {
      if (!(cause instanceof RolledBack)) return []
    }
    if (!types.some((type) => AFFINITIES.has(type))) return types.map((type) => type || null)
    // SQLite names a column without a declared type by its affinity.
    const declared = this.#listDeclared([...effect.reads, ...effect.writes])
    return types.map((type) => (type === '' || (AFFINITIES.has(type) && !declared.has(type)) ? null : type))
  }

  /** Returns a SELECT with the same columns and without parameters. */
  #toSelect(statement: Statement): string | undefined {
    if (statement.explain !== 'no') return undefined
    if (statement.verb === 'SELECT' || statement.verb === 'VALUES') return withoutParameters(statement.text)
    const returning = readReturning(statement, this.#run)
    return returning && `SELECT ${withoutParameters(returning.list)} FROM ${returning.target}`
  }

  #listDeclared(tables: readonly string[]): ReadonlySet<string> {
    const types = tables.flatMap((table) => this.#run('SELECT type FROM pragma_table_xinfo(?)', table))
    return new Set(types.map(([type]) => type as string))
  }
}

class RolledBack extends Error {}

const VIEW = '_persql_columns'
const AFFINITIES: ReadonlySet<string> = new Set(['BLOB', 'INT', 'NUM', 'REAL', 'TEXT'])

function withoutParameters(text: string): string {
  let out = ''
  let from = 0
  for (const { kind, start, end } of tokens(text)) {
    if (kind !== 'variable') continue
    out += `${text.slice(from, start)}NULL`
    from = end
  }
  return out + text.slice(from)
}
