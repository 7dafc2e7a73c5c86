import type { ApprovalRule } from '@persql/contract'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'react-router'
import { useApiMutation, useApiQuery } from '../../../api/hooks.ts'
import { toastWithUndo } from '../../../api/undo-toast.ts'
import { useCan } from '../../../shell/membership.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
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
import { Requests } from './request-list.tsx'
import { RuleForm } from './rule-form.tsx'

const LIST = 'GET /api/namespaces/{ns}/databases/{db}/approval_rules'

/** The page with the approval rules and the approval requests. */
export function ApprovalsPage() {
  const where = { ns: useNamespace(), db: useDatabase() }
  const mayChange = useCan('admin')
  const { data, error, refetch } = useApiQuery(LIST, where)
  const [asked, ask] = useQueryParam('new')
  const [leaving, setLeaving] = useState<ApprovalRule>()
  const create = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/approval_rules', [LIST])
  const remove = useApiMutation('DELETE /api/namespaces/{ns}/databases/{db}/approval_rules/{id}', [LIST])
  const make = mayChange && (
    <Button look="primary" onClick={() => ask('')}>
      <Plus aria-hidden className="size-4" />
      New approval rule
    </Button>
  )
  return (
    <Page
      title="Approvals"
      lead="Require approval for writes to sensitive tables, or deny these writes."
      actions={make}
    >
      <Requests />
      <h2 className="-mb-3 text-lg font-semibold">Approval rules</h2>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows rows={6} label="Loading approval rules" />}
      {data?.length === 0 && (
        <EmptyState title="No approval rules yet" action={make}>
          Protect sensitive tables, such as payments. A rule denies writes to them, or holds each write until someone
          approves it.
        </EmptyState>
      )}
      {data && data.length > 0 && <Rules rules={data} {...(mayChange && { onDelete: setLeaving })} />}
      <Card title="How approvals work">
        <ol className="grid list-decimal gap-2 pl-5">
          <li>
            A write to a protected table returns <code className="font-mono">approval_required</code> with an approval
            link that starts with <code className="font-mono wrap-anywhere">{location.origin}/approve/</code>.
          </li>
          <li>
            The request appears above. The requester can also send you the link, and{' '}
            <Link
              className="text-accent underline underline-offset-2"
              to={`${databasePath(where.ns, where.db, 'webhooks')}?webhook=new`}
            >
              a webhook
            </Link>{' '}
            for the event “Approval requested” can send it to your chat.
          </li>
          <li>Editors, admins and owners review the request, then approve or deny it here or on the approval page.</li>
          <li>An approved write runs once, exactly as requested, when the requester redeems it.</li>
        </ol>
      </Card>
      <Dialog open={asked !== null} onOpenChange={() => ask(undefined)} title="New approval rule">
        <RuleForm close={() => ask(undefined)} />
      </Dialog>
      {leaving && (
        <ConfirmDialog
          open
          onOpenChange={() => setLeaving(undefined)}
          title={`Delete the approval rule for ${leaving.tableGlob}?`}
          description="Writes to these tables will run without approval, unless another rule matches."
          action="Delete rule"
          onConfirm={async () => {
            await remove.mutateAsync({ ...where, id: leaving.id })
            const { tableGlob, action, note } = leaving
            toastWithUndo('Rule deleted.', () =>
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
  /** Omitted for members who can't delete rules. */
  onDelete?: (rule: ApprovalRule) => void
}

const Rules = ({ rules, onDelete }: RulesProps) => (
  <Table
    label="Approval rules"
    rows={rules}
    getKey={({ id }) => id}
    columns={[
      { name: 'Tables', cell: ({ tableGlob }) => <code className="font-mono wrap-anywhere">{tableGlob}</code> },
      {
        name: 'Action',
        cell: ({ action }) =>
          action === 'deny' ? <Badge tone="danger">Deny</Badge> : <Badge tone="warning">Require approval</Badge>,
      },
      { name: 'Note', isExtra: true, cell: ({ note }) => note ?? '–' },
      { name: 'Created', isExtra: true, cell: ({ createdAt }) => formatAgo(createdAt) },
      {
        name: 'Actions',
        isUnnamed: true,
        isNumber: true,
        cell: (rule) =>
          onDelete && (
            <Button size="small" aria-label={`Delete rule for ${rule.tableGlob}`} onClick={() => onDelete(rule)}>
              Delete
            </Button>
          ),
      },
    ]}
  />
)
