import type { MigrationTrial } from '@persql/contract'
import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import type { Analysis } from '../../authorizer/authorizer.ts'
import { isOurs } from '../../authorizer/changed-tables.ts'
import type { Result } from '../../engine/result.ts'

interface Counted {
  readonly table: string
  readonly before: number | null
  /** The number of rows that statements inserted, updated or deleted; `null` if it can't be determined. */
  changes: number | null
}

/** Counts the rows that a migration changes in each table, including changes by triggers and foreign keys. */
export class RowCounts {
  readonly #run: RunSql
  readonly #existing: ReadonlySet<string>
  readonly #tables = new Map<string, Counted>()
  #current: { readonly analysis: Analysis; readonly total: number } | undefined

  constructor(run: RunSql) {
    this.#run = run
    const names = run("SELECT name FROM sqlite_master WHERE type = 'table'")
    this.#existing = new Set(names.map(([name]) => lower(name as string)))
  }

  /** Records the state before a statement runs. */
  runs(analysis: Analysis): void {
    const { writes } = analysis.effect
    for (const table of writes) {
      if (isOurs(table) || this.#tables.has(lower(table))) continue
      const before = this.#existing.has(lower(table)) ? this.#count(table) : null
      this.#tables.set(lower(table), { table, before, changes: 0 })
    }
    this.#current = { analysis, total: this.#total() }
  }

  /** Counts the changes after the statement ran. */
  ran({ changes = 0 }: Result): void {
    if (!this.#current) return
    const { analysis, total } = this.#current
    const { direct, others } = analysis.touched
    if (direct) this.#add(direct.table, changes)
    const rest = this.#total() - total - changes
    if (analysis.effect.kind === 'schema' || rest <= 0) return
    for (const { table } of others) this.#add(table, others.length === 1 ? rest : null)
  }

  /** Returns the first 100 tables whose rows changed, without tables that were rebuilt with all their rows. */
  changed(): MigrationTrial['rows'] {
    return [...this.#tables.values()]
      .map(({ table, before, changes }) => ({ table, before, after: this.#count(table), changes }))
      .filter(({ before, after, changes }) => before !== after || (after !== null && changes !== 0))
      .slice(0, MAX_TABLES)
  }

  #add(table: string, changes: number | null): void {
    const known = this.#tables.get(lower(table))
    if (known) known.changes = changes === null || known.changes === null ? null : known.changes + changes
  }

  #count(table: string): number | null {
    try {
      return this.#run(`SELECT count(*) FROM ${quoteName(table)}`)[0]?.[0] as number
    } catch {
      return null
    }
  }

  #total = (): number => this.#run('SELECT total_changes()')[0]?.[0] as number
}

const MAX_TABLES = 100
