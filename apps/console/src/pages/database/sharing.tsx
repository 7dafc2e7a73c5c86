import type { Share } from '@persql/contract'
import { type FormEvent, useState } from 'react'
import { Link } from 'react-router'
import { useApiMutation, useApiQuery } from '../../api/hooks.ts'
import { toastWithUndo } from '../../api/undo-toast.ts'
import { namespacePath, useDatabase, useNamespace } from '../../shell/paths.ts'
import { RequireRole } from '../../shell/require-role.tsx'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { Field } from '../../ui/field.tsx'
import { capitalize } from '../../ui/format.ts'
import { Select } from '../../ui/input.tsx'
import { Card, Page } from '../../ui/page.tsx'
import { Skeleton, SkeletonRows } from '../../ui/skeleton.tsx'
import { Table } from '../../ui/table.tsx'
import { toast } from '../../ui/toast.tsx'

const SHARES = 'GET /api/namespaces/{ns}/databases/{slug}/shares'

/** The members who have edit access to the database beyond their member role. */
export function SharingPage() {
  const slug = useDatabase()
  return (
    <Page
      title="Sharing"
      lead={`Viewers can read every database in the namespace. Give a viewer edit access to ${slug} here. Editors and above already have it.`}
    >
      <RequireRole least="admin" what="Sharing gives a viewer edit access to one database.">
        <Shares slug={slug} />
      </RequireRole>
    </Page>
  )
}

function Shares({ slug }: { slug: string }) {
  const ns = useNamespace()
  const { data, error, refetch } = useApiQuery(SHARES, { ns, slug })
  const { mutateAsync } = useApiMutation('DELETE /api/namespaces/{ns}/databases/{slug}/shares/{userId}', [SHARES])
  const share = useApiMutation('POST /api/namespaces/{ns}/databases/{slug}/shares', [SHARES])
  const [leaving, setLeaving] = useState<Share>()
  return (
    <>
      <ShareForm slug={slug} shared={new Set(data?.filter(({ role }) => role === 'editor').map((one) => one.userId))} />
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows label="Loading shares" />}
      {data?.length === 0 && (
        <EmptyState title="Not shared with anyone">
          Give a contractor or another team edit access to this database while they stay viewers elsewhere.
        </EmptyState>
      )}
      {data && data.length > 0 && (
        <Table
          label="Shared with"
          rows={data}
          getKey={({ userId }) => userId}
          columns={[
            { name: 'Member', cell: ({ email }) => <span className="wrap-anywhere">{email}</span> },
            { name: 'Access to this database', cell: ({ role }) => <Badge tone="accent">{capitalize(role)}</Badge> },
            {
              name: 'Actions',
              isUnnamed: true,
              isNumber: true,
              cell: (share) => (
                <Button size="small" onClick={() => setLeaving(share)} aria-label={`Remove access for ${share.email}`}>
                  Remove access
                </Button>
              ),
            },
          ]}
        />
      )}
      <ConfirmDialog
        open={leaving !== undefined}
        onOpenChange={() => setLeaving(undefined)}
        title={`Remove ${leaving?.email}'s access?`}
        description={`They stay a member and keep the access their role gives them in ${slug}. You can share ${slug} with them again.`}
        action="Remove access"
        onConfirm={async () => {
          if (!leaving) return
          await mutateAsync({ ns, slug, userId: leaving.userId })
          const { email, role } = leaving
          toastWithUndo(`${email} no longer has edit access to ${slug}.`, () =>
            share.mutateAsync({ ns, slug, email, role }),
          )
        }}
      />
    </>
  )
}

function ShareForm({ slug, shared }: { slug: string; shared: ReadonlySet<string> }) {
  const ns = useNamespace()
  const members = useApiQuery('GET /api/namespaces/{ns}/members', { ns })
  const { mutateAsync, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/databases/{slug}/shares', [
    SHARES,
  ])
  const [chosen, setChosen] = useState('')
  const viewers = members.data?.filter(({ role, userId }) => role === 'viewer' && !shared.has(userId))
  const email = viewers?.find((one) => one.email === chosen)?.email ?? viewers?.[0]?.email
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!email) return
    const share = await mutateAsync({ ns, slug, email, role: 'editor' }).catch(() => undefined)
    if (share) toast(`${share.email} can now edit ${slug}.`)
  }
  return (
    <Card title="Share">
      {members.error && <ErrorPanel error={members.error} onRetry={members.refetch} />}
      {!viewers && !members.error && <Skeleton className="h-16 w-full" />}
      {viewers && !email && (
        <p className="min-h-16 text-muted">
          No viewers to share with.{' '}
          <Link className="text-accent underline" to={`${namespacePath(ns, 'settings', 'members')}?invite`}>
            Invite a member
          </Link>{' '}
          as a viewer first.
        </p>
      )}
      {viewers && email && (
        <form onSubmit={submit} className="flex flex-wrap items-end gap-3">
          <div className="min-w-48 grow">
            <Field label="Viewer">
              {(control) => (
                <Select {...control} value={email} onChange={({ target }) => setChosen(target.value)}>
                  {viewers.map((one) => (
                    <option key={one.userId}>{one.email}</option>
                  ))}
                </Select>
              )}
            </Field>
          </div>
          <Button type="submit" look="primary" busy={isPending}>
            Give edit access to {slug}
          </Button>
        </form>
      )}
      {error && <ErrorPanel error={error} />}
    </Card>
  )
}
