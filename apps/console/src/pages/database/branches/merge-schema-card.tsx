import type { MergeReport } from '@persql/contract'
import { TriangleAlert } from 'lucide-react'
import { Badge } from '../../../ui/badge.tsx'
import { formatCount } from '../../../ui/format.ts'
import { Card } from '../../../ui/page.tsx'
import { ApplyMerge, type MergePlan } from './apply-merge.tsx'
import { SideBySide } from './side-by-side.tsx'

/** The statements that bring the branch's schema changes to the parent. */
export function MergeSchemaCard(plan: MergePlan) {
  const { statements, conflicts } = plan.report.schema
  const { recorded = [], diverged = [], tables = [] } = plan.report.migrations ?? {}
  const isEmpty = statements.length + recorded.length + tables.length === 0
  const isLossy = statements.some(({ losesData }) => losesData)
  return (
    <Card title="Schema">
      {isEmpty && conflicts.length === 0 && <p className="text-muted">No schema changes to merge.</p>}
      {isLossy && (
        <p className="flex items-start gap-2 rounded-card bg-warning-soft p-3 text-warning">
          <TriangleAlert aria-hidden className="mt-0.5 size-5 shrink-0" />
          The marked statements delete data in {plan.db}. Before the merge, you'll type the database name to confirm.
        </p>
      )}
      {conflicts.length > 0 && <SchemaConflicts conflicts={conflicts} />}
      {statements.length > 0 && (
        <ol aria-label="Statements in execution order" className="grid gap-3">
          {statements.map(({ sql, reason, losesData }) => (
            <li key={sql} className="grid gap-1.5 border-l-2 border-line pl-3">
              <code className="font-mono text-sm break-words whitespace-pre-wrap">{sql}</code>
              <p className="flex flex-wrap items-center gap-2 text-sm text-muted">
                {losesData && <Badge tone="warning">Deletes data</Badge>}
                {reason}
              </p>
            </li>
          ))}
        </ol>
      )}
      {recorded.length > 0 && (
        <p>
          The merge marks these migrations as applied in {plan.db}:{' '}
          <span className="wrap-anywhere">{recorded.join(', ')}</span>.
        </p>
      )}
      {tables.map(({ table, rows }) => (
        <p key={table}>
          The merge adds {formatCount(rows, 'row')} to {table}, the table of a migration tool.
        </p>
      ))}
      {diverged.length > 0 && (
        <p className="text-warning">
          These migrations differ in {plan.db} and stay unchanged:{' '}
          <span className="wrap-anywhere">{diverged.join(', ')}</span>.
        </p>
      )}
      <ApplyMerge {...plan} mode="schema" disabled={isEmpty || conflicts.length > 0} />
    </Card>
  )
}

const SchemaConflicts = ({ conflicts }: { conflicts: MergeReport['schema']['conflicts'] }) => (
  <section aria-label="Schema conflicts" className="grid gap-4">
    <p>Resolve these conflicts in the branch or the parent, then refresh.</p>
    {conflicts.map(({ type, name, reason, base, parent, branch }) => (
      <SideBySide
        key={`${type} ${name}`}
        title={`${type} ${name}`}
        reason={reason}
        sides={[
          ['Merge base', base],
          ['Parent', parent],
          ['Branch', branch],
        ]}
      />
    ))}
  </section>
)
