import { ApprovalRequiredError, PerSQLError, type QueryMeta } from '@persql/sdk'
import { useMembership } from '../../shell/membership.ts'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { commandKey } from '../../ui/kbd.tsx'
import { SkeletonRows } from '../../ui/skeleton.tsx'
import { ApprovalPanel } from '../results/approval-panel.tsx'
import type { Result } from '../results/values.ts'
import { Cost } from './cost.tsx'
import { ErrorFacts } from './error-details.tsx'
import { PlanView } from './plan-view.tsx'
import { ResultView } from './result-view.tsx'
import { SnapshotNotice } from './snapshot-notice.tsx'
import type { RunState as State } from './use-query-runner.ts'

/** Why no snapshot was created before a destructive statement. */
const SKIPPED: Readonly<Record<NonNullable<QueryMeta['snapshotSkipped']>, string>> = {
  too_large: 'the database is too large',
  copy_impossible: "this database can't be copied",
  storage_full: "the server's disk is almost full",
  quota_exceeded: 'the storage quota of the namespace is used up',
}

interface OutcomeProps {
  outcome: State | undefined
  /** The name of downloaded files. */
  name: string
  onRedeemed: (answer: { data: Result | Result[]; meta?: QueryMeta }) => void
  onRetry: () => void
  onMeasure: (sql: string) => void
}

/** The result of a run. */
export function QueryResult({ outcome, name, onRedeemed, onRetry, onMeasure }: OutcomeProps) {
  if (!outcome) {
    return (
      <EmptyState title="No results yet">
        Write a statement and press {commandKey()}+Enter to run it. Explain shows the query plan of a statement for
        free, without running the statement.
      </EmptyState>
    )
  }
  if (outcome.kind === 'running') return <SkeletonRows label="Running" rows={4} />
  if (outcome.kind === 'canceled') {
    return (
      <p role="status">Canceled. A statement that writes can still finish: check the data before you run it again.</p>
    )
  }
  if (outcome.kind === 'explained') {
    const { sql, explained, measured } = outcome
    return <PlanView explained={explained} measured={measured} onMeasure={() => onMeasure(sql)} />
  }
  if (outcome.kind === 'failed') {
    const { error } = outcome
    if (error instanceof ApprovalRequiredError) {
      return <ApprovalPanel key={error.approvalToken} error={error} onRedeemed={onRedeemed} />
    }
    return (
      <>
        <QueryError error={error} onRetry={onRetry} />
        {error instanceof PerSQLError && error.detail && <ErrorFacts detail={error.detail} />}
      </>
    )
  }
  const { results, meta } = outcome
  return (
    <div className="grid min-w-0 gap-4">
      {meta && (
        <p role="status">
          <Cost meta={meta} />
        </p>
      )}
      {meta?.snapshot && <SnapshotNotice snapshot={meta.snapshot} />}
      {meta?.snapshotSkipped && <p>No snapshot was created before this statement: {SKIPPED[meta.snapshotSkipped]}.</p>}
      {results.map((result, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: results have no ID
        <ResultView key={index} result={result} name={name} />
      ))}
    </div>
  )
}

/** The error of a statement. The server names the token role, so a refused write names the member role here. */
function QueryError({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const role = useMembership()?.role
  const isRefused = error instanceof PerSQLError && error.code === 'role_insufficient'
  const message = isRefused && role ? `Your role is ${role}. You need the editor role to change data.` : undefined
  return <ErrorPanel error={error} message={message} onRetry={onRetry} />
}
