import type { Token } from '@persql/contract'
import { Plus } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { useSearchParams } from 'react-router'
import { useApiMutation, useApiQuery } from '../../../api/hooks.ts'
import { useCan } from '../../../shell/membership.ts'
import { useNamespace } from '../../../shell/paths.ts'
import { RequireRole } from '../../../shell/require-role.tsx'
import { Button } from '../../../ui/button.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { toast } from '../../../ui/toast.tsx'
import { andRevoked, endsWith } from './descendants.ts'
import { NewToken } from './new-token.tsx'
import { RotateToken } from './rotate-token.tsx'
import { TokenTable } from './token-table.tsx'

/** The tokens of a namespace. */
export function TokensPage() {
  const mayMint = useCan('admin')
  const [search, setSearch] = useSearchParams()
  const ask = (isAsked: boolean) => setSearch(isAsked ? { new: '' } : {})
  const make = (
    <Button look="primary" onClick={() => ask(true)}>
      <Plus aria-hidden className="size-4" />
      New token
    </Button>
  )
  return (
    <Page
      title="Tokens"
      lead="Apps and agents authenticate with tokens. Limit a token's access to reduce the risk if it leaks."
      actions={mayMint && make}
    >
      <RequireRole
        least="admin"
        what="Tokens give access to your databases, so only admins and owners can see and create them."
      >
        <Tokens make={make} />
        <NewToken open={search.has('new')} onOpenChange={ask} />
      </RequireRole>
    </Page>
  )
}

function Tokens({ make }: { make: ReactNode }) {
  const ns = useNamespace()
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/tokens', { ns })
  const { mutateAsync } = useApiMutation('DELETE /api/namespaces/{ns}/tokens/{id}', ['GET /api/namespaces/{ns}/tokens'])
  const [leaving, setLeaving] = useState<Token>()
  const [rotating, setRotating] = useState<Token>()
  return (
    <>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows label="Loading tokens" />}
      {data?.length === 0 && (
        <EmptyState title="No tokens yet" action={make}>
          Create one token per app. You can limit its role, tables and lifetime, and revoke it at any time.
        </EmptyState>
      )}
      {data && data.length > 0 && <TokenTable tokens={data} onRotate={setRotating} onRevoke={setLeaving} />}
      <ConfirmDialog
        open={leaving !== undefined}
        onOpenChange={() => setLeaving(undefined)}
        title={`Revoke “${leaving?.name}”?`}
        description={`Apps using this token lose access immediately.${endsWith(leaving?.descendants ?? 0)} This can't be undone.`}
        action="Revoke token"
        onConfirm={async () => {
          if (!leaving) return
          const { alsoRevoked } = await mutateAsync({ ns, id: leaving.id })
          toast(`“${leaving.name}” revoked${andRevoked(alsoRevoked)}.`)
        }}
      />
      <RotateToken token={rotating} onClose={() => setRotating(undefined)} />
    </>
  )
}
