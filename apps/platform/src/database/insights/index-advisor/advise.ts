import type { IndexAdvice } from '@persql/contract'
import type { Remote } from '../../../remote.ts'
import { quoteName } from '../../../sqlite/identifiers.ts'
import { MAX_PAUSES_MS, Turns } from '../../../turns.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import type { Candidate } from './candidates.ts'
import { indexName, indexSql } from './index-sql.ts'
import { type Plan, planFor } from './plan.ts'
import { formatReason } from './reason-text.ts'
import { readSamplePages } from './sample-pages.ts'
import type { ScratchDatabase } from './scratch-database.ts'
import type { Table } from './tables.ts'
import type { TrialResult } from './trial-result.ts'
import { examine } from './workload.ts'

/** Index advice, and the tenant's rows that were read for it. */
export interface IndexAdviceResult {
  readonly data: IndexAdvice
  readonly rowsRead: number
}

const MAX_ROWS = 20_000
/** Maximum number of values per row in a statement with several rows. */
const MAX_COLUMNS = 100
/** Maximum number of copied rows over all tables. */
const MAX_ROWS_IN_ALL = 200_000
/** Rows of the first copy, which shows how the statements scale. */
const FEW_ROWS = 200
/** Maximum number of rows for statements with quadratic cost or a run time over 1 s. */
const MAX_ROWS_WHEN_SLOW = 2_000
const SLOW_MS = 1_000
const SLOW_FACTOR = 20
/** Statements with cubic cost are not tested. */
const HOPELESS_FACTOR = 1_000

/** Reads the query log, tests indexes on a copy of the scanned tables, and returns those that help. */
export async function advise(
  sql: SqlStorage,
  scratch: Pick<Remote<ScratchDatabase>, 'begin' | 'load' | 'probe' | 'prove' | 'wipe'>,
  scope: readonly string[] | null,
): Promise<IndexAdviceResult> {
  const run = createRunSql(sql)
  const examined = examine(run, scope)
  const plan = planFor(run, examined)
  const none = { suggestions: [], examined: examined.length }
  if (plan.candidates.length === 0) return { data: none, rowsRead: 0 }
  const { tables, candidates } = plan
  const schema = [...tables.flatMap((table) => table.schema), ...plan.views.map((view) => view.sql)]
  const shapes = tables.map(({ name, columns }) => ({ name, columns }))
  const statistics = run(`SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'`).length > 0
  let rowsRead = 0
  const copied = async (maxRows: number) => {
    await scratch.begin(schema)
    const result = await copy(sql, scratch, tables, maxRows)
    rowsRead += result.rowsRead
    return result.samples
  }
  try {
    await copied(FEW_ROWS)
    const costs = await scratch.probe(plan.trials, candidates, shapes)
    const trials = plan.trials.map((trial, i) =>
      (costs[i] ?? 0) > FEW_ROWS * HOPELESS_FACTOR ? { ...trial, candidates: [] } : trial,
    )
    const slow = trials.some(
      (trial, i) =>
        trial.candidates.length > 0 && (trial.slowestMs > SLOW_MS || (costs[i] ?? 0) > FEW_ROWS * SLOW_FACTOR),
    )
    const samples = await copied(
      Math.min(slow ? MAX_ROWS_WHEN_SLOW : MAX_ROWS, Math.floor(MAX_ROWS_IN_ALL / tables.length)),
    )
    const proofs = await scratch.prove(trials, candidates, shapes, statistics)
    const taken = new Set(run('SELECT lower(name) FROM sqlite_master').map(([name]) => name as string))
    const suggestions = proofs.map((proof) => suggestion(proof, plan, samples, taken))
    return { data: { ...none, suggestions }, rowsRead }
  } finally {
    await scratch.wipe().catch(() => {
      // The timer of the copy deletes it.
    })
  }
}

/** Copies the tables page by page. Other calls run between two pages. */
async function copy(
  sql: SqlStorage,
  scratch: Pick<Remote<ScratchDatabase>, 'load'>,
  tables: readonly Table[],
  maxRows: number,
): Promise<{ rowsRead: number; samples: ReadonlyMap<string, number> }> {
  let rowsRead = 0
  const samples = new Map<string, number>()
  const turns = new Turns(MAX_PAUSES_MS)
  for (const table of tables) {
    const into = `INSERT OR IGNORE INTO ${quoteName(table.name)} (${table.stored}) VALUES `
    let rows = 0
    let isSample = false
    for (const page of readSamplePages(sql, table, maxRows)) {
      rowsRead += page.rowsRead
      isSample ||= page.isSample
      rows += page.rows.length
      if (page.rows.length > 0) await scratch.load(into, page.rows, table.stored.length > MAX_COLUMNS)
      await turns.next()
    }
    if (isSample) samples.set(table.name, rows)
  }
  return { rowsRead, samples }
}

function suggestion(
  { candidate: number, gains }: TrialResult,
  { candidates, trials, usages }: Plan,
  samples: ReadonlyMap<string, number>,
  taken: Set<string>,
): IndexAdvice['suggestions'][number] {
  const candidate = candidates[number] as Candidate
  const name = indexName(candidate, taken)
  taken.add(name)
  const mentions = gains.flatMap(({ trial }) => usages[trial]?.mentions ?? [])
  const scans = gains.some(({ trial }) => trials[trial]?.scanned.includes(candidate.table))
  const others = [...new Set(gains.flatMap(({ together }) => together))].map((i) => candidates[i] as Candidate)
  return {
    table: candidate.table,
    columns: candidate.terms.map(({ column }) => column),
    sql: indexSql(name, candidate),
    reason: formatReason(candidate, gains, mentions, { scans, others, copied: samples.get(candidate.table) }),
    queries: gains.map(({ trial }) => trials[trial]?.sql as string),
    rowsReadBefore: gains.reduce((sum, { before }) => sum + before, 0),
    rowsReadAfter: gains.reduce((sum, { after }) => sum + after, 0),
  }
}
