import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { capitalize, formatCount, formatNumber } from '../../ui/format.ts'
import { Card } from '../../ui/page.tsx'
import { Cost } from './cost.tsx'
import { type Branch, buildPlanTree, isFullScan } from './plan.ts'
import type { Explained, RunMeasurement } from './use-query-runner.ts'

interface PlanViewProps {
  explained: Explained
  /** The measurements of the statement's last run. */
  measured: RunMeasurement | undefined
  onMeasure: () => void
}

/** The query plan as a tree, with the rows that the last run read. */
export function PlanView({ explained: { plan, kind, reads, writes }, measured, onMeasure }: PlanViewProps) {
  return (
    <Card title="Query plan" actions={<Badge tone={kind === 'read' ? 'neutral' : 'warning'}>{capitalize(kind)}</Badge>}>
      {plan.length === 0 ? (
        <p className="text-muted">This statement doesn't read any table.</p>
      ) : (
        <Steps steps={buildPlanTree(plan)} />
      )}
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1 text-sm">
        <dt className="text-muted">Reads</dt>
        <dd className="wrap-anywhere">{reads.join(', ') || 'None'}</dd>
        <dt className="text-muted">Writes</dt>
        <dd className="wrap-anywhere">{writes.join(', ') || 'None'}</dd>
      </dl>
      {measured && <Reading measured={measured} isScan={plan.some(isFullScan)} />}
      {!measured && kind === 'read' && (
        <div className="flex flex-wrap items-center gap-3">
          <Button size="small" onClick={onMeasure}>
            Run and count rows read
          </Button>
          <span className="text-sm text-muted">Runs the statement once. Billed as a normal run.</span>
        </div>
      )}
    </Card>
  )
}

/** Rows read per returned row, which shows whether an index would help. */
function Reading({ measured: { rows, meta }, isScan }: { measured: RunMeasurement; isScan: boolean }) {
  const isMuch = isScan && meta.rowsRead >= 100 && meta.rowsRead >= 10 * Math.max(1, rows)
  return (
    <div role="status" className="grid gap-1">
      <p>
        The last run read {formatCount(meta.rowsRead, 'row')} and returned {formatNumber(rows)}.
        {isMuch && ' An index on the columns that the statement filters or joins by could reduce this.'}
      </p>
      <Cost meta={meta} />
    </div>
  )
}

const Steps = ({ steps }: { steps: readonly Branch[] }) => (
  <ul className="grid gap-1 border-l border-line pl-3">
    {steps.map((step) => (
      <li key={step.id} className="grid gap-1">
        <span className="flex flex-wrap items-center gap-2">
          <code className="font-mono text-sm break-words">{step.detail}</code>
          {isFullScan(step) && <Badge tone="warning">Full table scan</Badge>}
        </span>
        {step.within.length > 0 && <Steps steps={step.within} />}
      </li>
    ))}
  </ul>
)
