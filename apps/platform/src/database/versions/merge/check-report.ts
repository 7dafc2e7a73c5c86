import { type MergeReport, PerSQLError } from '@persql/contract'

/** The parts of a request that decide whether a merge is allowed. */
interface Asked {
  readonly mode: MergeReport['mode']
  readonly allowDataLoss: boolean
  readonly expectedPlan?: string | undefined
}

/**
 * Checks whether a merge with this report is allowed.
 * @throws PerSQLError `merge_stale`, `merge_conflict` or `merge_would_lose_data`, with the report in `merge`
 */
export function assertMergeAllowed(
  { mode, allowDataLoss, expectedPlan }: Asked,
  report: MergeReport,
  isUnsettled: boolean,
): void {
  const refuse = (code: 'merge_stale' | 'merge_conflict' | 'merge_would_lose_data', what = '') =>
    new PerSQLError(code, { what }, { extra: { merge: report } })
  const schemaFirst = mode === 'data' ? listTables(report, ({ reason }) => reason === 'schema_differs') : ''
  // A plan that includes the schema can't be valid for a merge of rows alone.
  if (schemaFirst)
    throw refuse(
      'merge_conflict',
      `the rows of ${schemaFirst} need the schema of the branch, so merge the schema first`,
    )
  if (expectedPlan !== undefined && !isExpected(mode, expectedPlan, report.planHash)) throw refuse('merge_stale')
  if (mode === 'preview') return
  const { statements, conflicts } = report.schema
  const [clash] = conflicts
  if (clash) throw refuse('merge_conflict', `${clash.type} "${clash.name}"`)
  if (isUnsettled) {
    throw refuse('merge_conflict', `rows of ${listTables(report, () => true)}`)
  }
  const loss = statements.find(({ losesData }) => losesData)
  if (loss && !allowDataLoss) throw refuse('merge_would_lose_data', toClause(loss.reason))
}

type Conflict = MergeReport['data']['conflicts'][number]

function listTables({ data }: MergeReport, isMeant: (conflict: Conflict) => boolean): string {
  const tables = new Set(data.conflicts.filter(isMeant).map(({ table }) => `"${table}"`))
  return [...tables].slice(0, 5).join(', ')
}

/** Compares plan hashes. A plan has a part each for the schema, the rows and the migrations; each mode compares its own. */
function isExpected(mode: MergeReport['mode'], expected: string, actual: string): boolean {
  const halves = (text: string) => text.split('.') as [string, string?]
  if (mode === 'preview') return expected === actual
  // The plan of a merge of migrations has only this part.
  if (mode === 'migrations') return expected === actual || expected.split('.')[2] === actual
  const at = mode === 'schema' ? 0 : 1
  return halves(expected)[at] !== undefined && halves(expected)[at] === halves(actual)[at]
}

/** Converts a sentence to a clause that follows a colon. */
const toClause = (sentence: string) => sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, '')
