import type { ApprovalRule } from '@persql/contract'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'react-router'
import { useCall, useDo } from '../../../api/hooks.ts'
import { toastWithUndo } from '../../../api/undo.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/address.ts'
import { useAsked } from '../../../shell/asked.ts'
import { useMay } from '../../../shell/membership.ts'
import { Badge } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { Dialog } from '../../../ui/dialog.tsx'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatAgo } from '../../../ui/format.ts'
import { Card, Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { Table } from '../../../ui/table.tsx'
import { Requests } from './requests.tsx'
import { RuleForm } from './rule-form.tsx'

const LIST = 'GET /api/namespaces/{ns}/databases/{db}/approval_rules'

/** Rules that make writes wait for a human, and how that goes. */
export function ApprovalsPage() {
  const where = { ns: useNamespace(), db: useDatabase() }
  const mayChange = useMay('admin')
  const { data, error, refetch } = useCall(LIST, where)
  const [asked, ask] = useAsked('new')
  const [leaving, setLeaving] = useState<ApprovalRule>()
  const create = useDo('POST /api/namespaces/{ns}/databases/{db}/approval_rules', [LIST])
  const remove = useDo('DELETE /api/namespaces/{ns}/databases/{db}/approval_rules/{id}', [LIST])
  const make = mayChange && (
    <Button look="primary" onClick={() => ask('')}>
      <Plus aria-hidden className="size-4" />
      New rule
    </Button>
  )
  return (
    <Page title="Approvals" lead="Writes to some tables wait for a human, or are forbidden." actions={make}>
      <Requests />
      <h2 className="-mb-3 text-lg font-semibold">Rules</h2>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows rows={6} label="Loading rules" />}
      {data?.length === 0 && (
        <EmptyState title="No rule: every write goes through" action={make}>
          Guard what must not go wrong, payments for instance: what an agent wants to write there is tried out, undone,
          and waits until somebody has looked at it.
        </EmptyState>
      )}
      {data && data.length > 0 && <Rules rules={data} {...(mayChange && { onDelete: setLeaving })} />}
      <Card title="How to decide">
        <ol className="grid list-decimal gap-2 pl-5">
          <li>
            Whoever writes to a guarded table is answered <code className="font-mono">approval_required</code> with a
            link that starts with <code className="font-mono wrap-anywhere">{location.origin}/approve/</code>.
          </li>
          <li>
            It is listed above. They may also pass the link on to you, or{' '}
            <Link
              className="text-accent underline underline-offset-2"
              to={`${databasePath(where.ns, where.db, 'webhooks')}?webhook=new`}
            >
              a webhook
            </Link>{' '}
            for <code className="font-mono">approval_required</code> brings it to your chat.
          </li>
          <li>Editors and above see the statements and the tables they write, and approve or deny, here or there.</li>
          <li>Once approved, exactly that runs, once, when whoever asked comes back for it.</li>
        </ol>
      </Card>
      <Dialog open={asked !== null} onOpenChange={() => ask(undefined)} title="New rule">
        <RuleForm close={() => ask(undefined)} />
      </Dialog>
      {leaving && (
        <ConfirmDialog
          open
          onOpenChange={() => setLeaving(undefined)}
          title={`Delete the rule for ${leaving.tableGlob}?`}
          description="Writes to these tables go through at once, unless another rule matches."
          action="Delete rule"
          onConfirm={async () => {
            await remove.mutateAsync({ ...where, id: leaving.id })
            const { tableGlob, action, note } = leaving
            toastWithUndo('The rule was deleted.', () =>
              create.mutateAsync({ ...where, tableGlob, action, ...(note && { note }) }),
            )
          }}
        />
      )}
    </Page>
  )
}

interface RulesProps {
  rules: readonly ApprovalRule[]
  /** Left out for those who may not. */
  onDelete?: (rule: ApprovalRule) => void
}

const Rules = ({ rules, onDelete }: RulesProps) => (
  <Table
    label="Rules"
    rows={rules}
    keyOf={({ id }) => id}
    columns={[
      { name: 'Tables', cell: ({ tableGlob }) => <code className="font-mono wrap-anywhere">{tableGlob}</code> },
      {
        name: 'Writes',
        cell: ({ action }) =>
          action === 'deny' ? <Badge tone="danger">forbidden</Badge> : <Badge tone="warning">wait for a human</Badge>,
      },
      { name: 'Note', isExtra: true, cell: ({ note }) => note ?? '–' },
      { name: 'Made', isExtra: true, cell: ({ createdAt }) => formatAgo(createdAt) },
      {
        name: 'Delete',
        isUnnamed: true,
        isNumber: true,
        cell: (rule) =>
          onDelete && (
            <Button size="small" aria-label={`Delete the rule for ${rule.tableGlob}`} onClick={() => onDelete(rule)}>
              Delete
            </Button>
          ),
      },
    ]}
  />
)
