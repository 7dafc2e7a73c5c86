import type { OAuthGrant } from '@persql/contract'
import { useState } from 'react'
import { Link } from 'react-router'
import { useCall, useDo } from '../../api/hooks.ts'
import { namespacePath, useNamespace } from '../../shell/address.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/code-block.tsx'
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx'
import { EmptyState } from '../../ui/empty-state.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { formatAgo } from '../../ui/format.ts'
import { Page } from '../../ui/page.tsx'
import { SkeletonRows } from '../../ui/skeleton.tsx'
import { Table } from '../../ui/table.tsx'
import { toast } from '../../ui/toast.tsx'
import { andRevoked, endsWith } from './tokens/descendants.ts'

const GRANTS = 'GET /api/namespaces/{ns}/oauth_grants'

/** Apps that members let into the namespace by OAuth. */
export function AppsPage() {
  const ns = useNamespace()
  const { data, error, refetch } = useCall(GRANTS, { ns })
  const members = useCall('GET /api/namespaces/{ns}/members', { ns })
  const { mutateAsync } = useDo('DELETE /api/namespaces/{ns}/oauth_grants/{id}', [GRANTS])
  const [leaving, setLeaving] = useState<OAuthGrant>()
  const emailOf = (id: string) => members.data?.find(({ userId }) => userId === id)?.email ?? 'a member'
  return (
    <Page
      title="Apps"
      lead="Apps and agents that were let in with a click instead of a token. They may do what they were allowed, and never more than the member who let them in."
    >
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows label="Loading apps" />}
      {data?.length === 0 && (
        <>
          <EmptyState title="No app has been let in yet">
            Give an agent the address below, without any token: it opens a page here that asks you what it may do. You
            can show it out at any time. All ways to connect stand on the Connect page of each{' '}
            <Link className="text-accent underline" to={namespacePath(ns)}>
              database
            </Link>
            , and tokens under{' '}
            <Link className="text-accent underline" to={namespacePath(ns, 'settings', 'tokens')}>
              Tokens
            </Link>
            .
          </EmptyState>
          <CodeBlock label="Address for MCP clients" code={`${location.origin}/mcp`} />
        </>
      )}
      {data && data.length > 0 && (
        <Table
          label="Apps"
          rows={data}
          keyOf={({ id }) => id}
          columns={[
            {
              name: 'App',
              cell: ({ clientName, clientId, audience }) => (
                <span className="grid">
                  <span className="flex flex-wrap items-center gap-2 break-words">
                    {clientName} <Badge>{audience === 'mcp' ? 'MCP' : 'API'}</Badge>
                  </span>
                  <span className="text-xs font-normal wrap-anywhere text-muted">{clientId}</span>
                </span>
              ),
            },
            {
              name: 'May',
              cell: ({ role, databases }) => (
                <span className="grid justify-items-start gap-1">
                  <Badge tone={role === 'admin' ? 'warning' : 'neutral'}>{role}</Badge>
                  <span className="text-sm wrap-anywhere text-muted">{databases?.join(', ') ?? 'all databases'}</span>
                </span>
              ),
            },
            { name: 'Let in by', isExtra: true, cell: ({ userId }) => emailOf(userId) },
            {
              name: 'Last here',
              isExtra: true,
              cell: ({ lastTokenAt }) => (lastTokenAt ? formatAgo(lastTokenAt) : 'never'),
            },
            {
              name: 'Deeds',
              isUnnamed: true,
              isNumber: true,
              cell: (grant) => (
                <Button size="small" onClick={() => setLeaving(grant)} aria-label={`Show out: ${grant.clientName}`}>
                  Show out
                </Button>
              ),
            },
          ]}
        />
      )}
      <ConfirmDialog
        open={leaving !== undefined}
        onOpenChange={() => setLeaving(undefined)}
        title={`Show ${leaving?.clientName} out?`}
        description={`Its tokens are refused everywhere.${endsWith(leaving?.descendants ?? 0)} It can ask for access again.`}
        action="Show out"
        onConfirm={async () => {
          if (!leaving) return
          const { alsoRevoked } = await mutateAsync({ ns, id: leaving.id })
          toast(`Revoked the access of ${leaving.clientName}${andRevoked(alsoRevoked)}.`)
        }}
      />
    </Page>
  )
}
