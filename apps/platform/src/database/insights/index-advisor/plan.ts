import { lower } from '../../../sqlite/identifiers.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { type Candidate, candidatesFor } from './candidates.ts'
import { analyzeColumnUsage, type Usage } from './column-usage.ts'
import { readTable, type Table } from './tables.ts'
import type { Trial } from './trial-result.ts'
import type { Examined } from './workload.ts'

/** A statement without scans that reads more rows than this can be using the wrong index. */
const MANY_ROWS = 100
const MAX_CANDIDATES = 100

interface View {
  readonly name: string
  readonly sql: string
}

/** The statements to test, with the schema they need. */
export interface Plan {
  readonly tables: readonly Table[]
  readonly views: readonly View[]
  readonly trials: readonly Trial[]
  readonly usages: readonly Usage[]
  readonly candidates: readonly Candidate[]
}

/**
 * Returns the test plan: statements that read many rows, the tables they need, and index candidates. Tables of a join
 * that are not scanned count too, because an index on them can reverse the join order.
 */
export function planFor(run: RunSql, examined: readonly Examined[]): Plan {
  const known = new Map<string, Table | undefined>()
  const table = (name: string) => {
    if (!known.has(name)) known.set(name, readTable(run, name))
    return known.get(name)
  }
  const views = run(
    `SELECT name, sql FROM sqlite_master WHERE type = 'view' AND lower(name) NOT GLOB '_persql_*' ORDER BY rowid`,
  ).map(([name, sql]) => ({ name: name as string, sql: sql as string }))
  const tried = examined.flatMap((statement) => {
    if (statement.scanned.length === 0 && statement.rowsPerRun < MANY_ROWS) return []
    const tables = statement.tables.map(table).filter((one) => one !== undefined)
    // Virtual tables and WITHOUT ROWID tables can't be copied this way.
    if (tables.length < statement.tables.length) return []
    const usage = withViews(statement.sql, views)
    const names = new Set(tables.map(({ name }) => lower(name)))
    const found = tables
      .flatMap((one) => candidatesFor(usage, one, names))
      .map((one) => [JSON.stringify(one), one] as const)
    return found.length > 0 ? [{ statement, usage, tables, found: new Map(found) }] : []
  })
  const candidates = new Map(inTurn(tried.map(({ found }) => [...found])))
  const keys = [...candidates.keys()].slice(0, MAX_CANDIDATES)
  return {
    tables: [...new Map(tried.flatMap(({ tables }) => tables).map((one) => [one.name, one])).values()],
    views,
    trials: tried.map(({ statement, found }) => ({
      ...statement,
      candidates: [...keys.keys()].filter((i) => found.has(keys[i] as string)),
    })),
    usages: tried.map(({ usage }) => usage),
    candidates: keys.map((key) => candidates.get(key) as Candidate),
  }
}

/** Interleaves lists: the first item of each, then the second of each, and so on. */
function inTurn<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length))
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat()
}

/** Returns the usage of a statement combined with that of the views it names. */
function withViews(sql: string, views: readonly View[]): Usage {
  const usage = analyzeColumnUsage(sql)
  const used = new Set<View>()
  const visit = (text: string) => {
    for (const view of views) {
      if (used.has(view) || !lower(text).includes(lower(view.name))) continue
      used.add(view)
      visit(view.sql)
    }
  }
  visit(sql)
  // Qualifiers inside a view are aliases of the view.
  const theirs = [...used].flatMap((view) =>
    analyzeColumnUsage(view.sql).mentions.map((one) => ({ ...one, qualifier: undefined })),
  )
  const mentions = [...usage.mentions, ...theirs]
  return { ...usage, mentions }
}
