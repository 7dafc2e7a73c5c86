import { Badge } from '../../ui/badge.tsx'
import { Card } from '../../ui/page.tsx'
import { type Branch, looksAtAll, treeOf } from './plan.ts'
import type { Explained } from './use-run.ts'

/** How SQLite would find the rows, as a tree. */
export function PlanView({ explained: { plan, kind, reads, writes } }: { explained: Explained }) {
  return (
    <Card title="Query plan" actions={<Badge tone={kind === 'read' ? 'neutral' : 'warning'}>{kind}</Badge>}>
      {plan.length === 0 ? (
        <p className="text-muted">There is nothing to look up for this.</p>
      ) : (
        <Steps steps={treeOf(plan)} />
      )}
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1 text-sm">
        <dt className="text-muted">Reads</dt>
        <dd className="break-all">{reads.join(', ') || 'no table'}</dd>
        <dt className="text-muted">Writes</dt>
        <dd className="break-all">{writes.join(', ') || 'no table'}</dd>
      </dl>
    </Card>
  )
}

const Steps = ({ steps }: { steps: readonly Branch[] }) => (
  <ul className="grid gap-1 border-l border-line pl-3">
    {steps.map((step) => (
      <li key={step.id} className="grid gap-1">
        <span className="flex flex-wrap items-center gap-2">
          <code className="font-mono text-sm break-words">{step.detail}</code>
          {looksAtAll(step) && <Badge tone="warning">looks at every row</Badge>}
        </span>
        {step.within.length > 0 && <Steps steps={step.within} />}
      </li>
    ))}
  </ul>
)
