import { lower, quoteName } from '../../sqlite/identifiers.ts'
import type { RunSql } from '../../sqlite/schema-map.ts'
import { getFullTextContent } from '../../sqlite/table-shape.ts'

/** A table with more rows counts as large. */
export const LARGE_ROWS = 20_000
/** A table whose rowids span more than this counts as huge. */
const HUGE_SPAN = 1_000_000

/** The size of a table. */
export interface TableFact {
  /** The number of rows, up to `LARGE_ROWS + 1`. */
  readonly rows: number
  /** Whether a range of an index can have very many rows. */
  readonly isHuge: boolean
}

interface Known extends TableFact {
  /** The number of rows that were written to the database by then. */
  readonly writtenRows: number
}

/** Facts about tables, which cost about a millisecond each and are kept until many rows were written. */
export class TableFacts {
  readonly #run: RunSql
  readonly #writtenRows: () => number
  readonly #known = new Map<string, Known>()

  constructor(run: RunSql, writtenRows: () => number) {
    this.#run = run
    this.#writtenRows = writtenRows
  }

  of(table: string): TableFact {
    const key = lower(table)
    const writtenRows = this.#writtenRows()
    const known = this.#known.get(key)
    // A small table stays small until at least as many rows were written as it may still take.
    if (known && writtenRows - known.writtenRows < Math.max(1_000, LARGE_ROWS - known.rows)) return known
    const fact = { ...this.#read(table), writtenRows }
    this.#known.set(key, fact)
    return fact
  }

  /** Drops all facts, after the tables can have been replaced. */
  forget(): void {
    this.#known.clear()
  }

  #read(table: string): TableFact {
    const content = this.#findContent(table)
    if (content !== undefined) return this.#readContent(table, content)
    const name = quoteName(table)
    try {
      const [[rows] = [0]] = this.#run(`SELECT count(*) FROM (SELECT 1 FROM ${name} LIMIT ${LARGE_ROWS + 1})`)
      if ((rows as number) <= LARGE_ROWS) return { rows: rows as number, isHuge: false }
    } catch {
      // A virtual table can be unreadable, or a table gone.
    }
    return { rows: LARGE_ROWS + 1, isHuge: this.#isVirtual(table) || this.#isHuge(name) }
  }

  /** Returns the name of the table or view that has the content of a full-text table. */
  #findContent(table: string): string | undefined {
    const { sql } = this.#findSchema(table)
    return getFullTextContent(sql) || undefined
  }

  /** A scan of a full-text table reads its content, and a search its index. A view can run for any time. */
  #readContent(table: string, content: string): TableFact {
    const { type, sql } = this.#findSchema(content)
    if (type !== 'table' || isVirtual(sql)) return { rows: LARGE_ROWS + 1, isHuge: true }
    const [one, other] = [this.of(`${table}_docsize`), this.of(content)]
    return { rows: Math.max(one.rows, other.rows), isHuge: one.isHuge || other.isHuge }
  }

  #isVirtual(table: string): boolean {
    return isVirtual(this.#findSchema(table).sql)
  }

  #findSchema(name: string): { readonly type: string; readonly sql: string } {
    const found = this.#run(
      'SELECT type, sql FROM sqlite_master WHERE lower(name) = ? AND sql IS NOT NULL',
      lower(name),
    )
    const [type, sql] = (found.find(([each]) => each !== 'trigger') ?? ['', '']) as [string, string]
    return { type, sql }
  }

  #isHuge(name: string): boolean {
    try {
      const [[lowest, highest] = []] = this.#run(
        `SELECT (SELECT min(rowid) FROM ${name}), (SELECT max(rowid) FROM ${name})`,
      )
      return typeof lowest !== 'number' || typeof highest !== 'number' || highest - lowest > HUGE_SPAN
    } catch {
      return true // A table without rowids.
    }
  }
}

const isVirtual = (sql: string): boolean => /^\s*create\s+virtual\b/i.test(sql)
