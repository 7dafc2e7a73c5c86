import type { Member, OAuthGrant } from '@persql/contract'
import { useState } from 'react'
import { Link } from 'react-router'
import { useApiMutation, useApiQuery } from '../../api/hooks.ts'
import { namespacePath, useNamespace } from '../../shell/paths.ts'
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
import { ROLE_NAMES } from './tokens/token-options.ts'

const GRANTS = 'GET /api/namespaces/{ns}/oauth_grants'

/** The apps that members connected to the namespace with OAuth. */
export function AppsPage() {
  const ns = useNamespace()
  const { data, error, refetch } = useApiQuery(GRANTS, { ns })
  const members = useApiQuery('GET /api/namespaces/{ns}/members', { ns })
  const { mutateAsync } = useApiMutation('DELETE /api/namespaces/{ns}/oauth_grants/{id}', [GRANTS])
  const [leaving, setLeaving] = useState<OAuthGrant>()
  return (
    <Page
      title="Connected apps"
      lead="Apps and agents that members authorized in the browser. An app never has more access than the member who authorized it."
    >
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows label="Loading connected apps" />}
      {data?.length === 0 && (
        <>
          <EmptyState title="No connected apps yet">
            Give an agent the URL below; no token is needed. The agent opens a page where you choose what it can access,
            and you can revoke access at any time. For other ways to connect, open the Connect page of a{' '}
            <Link className="text-accent underline" to={namespacePath(ns)}>
              database
            </Link>{' '}
            or create a token under{' '}
            <Link className="text-accent underline" to={namespacePath(ns, 'settings', 'tokens')}>
              Tokens
            </Link>
            .
          </EmptyState>
          <CodeBlock label="MCP server URL" code={`${location.origin}/mcp`} />
        </>
      )}
      {data && data.length > 0 && <AppTable grants={data} members={members.data} onRevoke={setLeaving} />}
      <ConfirmDialog
        open={leaving !== undefined}
        onOpenChange={() => setLeaving(undefined)}
        title={`Revoke access for ${leaving?.clientName}?`}
        description={`Its tokens stop working immediately.${endsWith(leaving?.descendants ?? 0)} It can request access again.`}
        action="Revoke access"
        onConfirm={async () => {
          if (!leaving) return
          const { alsoRevoked } = await mutateAsync({ ns, id: leaving.id })
          toast(`Access revoked for ${leaving.clientName}${andRevoked(alsoRevoked)}.`)
        }}
      />
    </Page>
  )
}

interface AppTableProps {
  grants: readonly OAuthGrant[]
  /** `undefined` while they load. */
  members: readonly Member[] | undefined
  onRevoke: (grant: OAuthGrant) => void
}

function AppTable({ grants, members, onRevoke }: AppTableProps) {
  const findEmail = (id: string) => members?.find(({ userId }) => userId === id)?.email ?? 'A member'
  return (
    <Table
      label="Connected apps"
      rows={grants}
      getKey={({ id }) => id}
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
          name: 'Access',
          cell: ({ role, databases }) => (
            <span className="grid justify-items-start gap-1">
              <Badge tone={role === 'admin' ? 'warning' : 'neutral'}>{ROLE_NAMES[role]}</Badge>
              <span className="text-sm wrap-anywhere text-muted">{databases?.join(', ') ?? 'All databases'}</span>
            </span>
          ),
        },
        { name: 'Authorized by', isExtra: true, cell: ({ userId }) => findEmail(userId) },
        {
          name: 'Last used',
          isExtra: true,
          cell: ({ lastTokenAt }) => (lastTokenAt ? formatAgo(lastTokenAt) : 'Never'),
        },
        {
          name: 'Actions',
          isUnnamed: true,
          isNumber: true,
          cell: (grant) => (
            <Button size="small" onClick={() => onRevoke(grant)} aria-label={`Revoke access for ${grant.clientName}`}>
              Revoke access
            </Button>
          ),
        },
      ]}
    />
  )
}
