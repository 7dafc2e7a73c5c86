import { Plus } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { useApiMutation, useApiQuery } from '../../../api/hooks.ts'
import { useCan } from '../../../shell/membership.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { Dialog, DialogActions } from '../../../ui/dialog.tsx'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { TextField } from '../../../ui/text-field.tsx'
import { toast } from '../../../ui/toast.tsx'
import { HostnameCard } from './hostname-card.tsx'

const LIST = 'GET /api/namespaces/{ns}/databases/{db}/hostnames'

/** The custom hostnames for the endpoints of a database. */
export function HostnamesPage() {
  const where = { ns: useNamespace(), db: useDatabase() }
  const mayChange = useCan('editor')
  const { data, error, refetch } = useApiQuery(LIST, where)
  const [asked, ask] = useQueryParam('new')
  const [leaving, setLeaving] = useState<string>()
  const refresh = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/hostnames/{hostname}/refresh', [LIST])
  const remove = useApiMutation('DELETE /api/namespaces/{ns}/databases/{db}/hostnames/{hostname}', [LIST])
  const check = async (hostname: string) => {
    const found = await refresh.mutateAsync({ ...where, hostname }).catch(() => undefined)
    if (found)
      toast(found.status === 'active' ? `${hostname} is active.` : 'DNS records not found yet. Check again later.')
  }
  const make = mayChange && (
    <Button look="primary" onClick={() => ask('')}>
      <Plus aria-hidden className="size-4" />
      Add hostname
    </Button>
  )
  return (
    <Page title="Custom hostnames" lead="Serve this database's endpoints from your own domain." actions={make}>
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {refresh.error && <ErrorPanel error={refresh.error} />}
      {!data && !error && <SkeletonRows label="Loading hostnames" />}
      {data?.length === 0 && (
        <EmptyState title="No custom hostnames yet" action={make}>
          Your app calls https://api.example.com instead of this instance's URL. Add 2 DNS records: one verifies
          ownership, the other routes traffic here.
        </EmptyState>
      )}
      {data?.map((one) => (
        <HostnameCard
          key={one.hostname}
          hostname={one}
          busy={refresh.isPending && refresh.variables?.hostname === one.hostname}
          onRefresh={() => check(one.hostname)}
          onDelete={() => setLeaving(one.hostname)}
        />
      ))}
      <Dialog open={asked !== null} onOpenChange={() => ask(undefined)} title="Add hostname">
        <HostnameForm close={() => ask(undefined)} />
      </Dialog>
      {leaving && (
        <ConfirmDialog
          open
          onOpenChange={() => setLeaving(undefined)}
          title={`Delete ${leaving}?`}
          description="It stops routing here within a minute. Anyone who verifies ownership can then add it."
          typed={leaving}
          action="Delete hostname"
          onConfirm={async () => {
            await remove.mutateAsync({ ...where, hostname: leaving })
            toast(`${leaving} deleted.`)
          }}
        />
      )}
    </Page>
  )
}

function HostnameForm({ close }: { close: () => void }) {
  const [ns, db] = [useNamespace(), useDatabase()]
  const [hostname, setHostname] = useState('')
  const { mutateAsync, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/hostnames', [LIST])
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (await mutateAsync({ ns, db, hostname }).catch(() => undefined)) close()
  }
  return (
    <form onSubmit={submit} className="grid gap-4">
      <TextField
        label="Hostname"
        value={hostname}
        onChange={setHostname}
        required
        inputMode="url"
        autoCapitalize="none"
        spellCheck={false}
        placeholder="api.example.com"
        hint="A domain whose DNS you manage. You'll see the records to add next."
      />
      {error && <ErrorPanel error={error} />}
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" busy={isPending}>
          Add hostname
        </Button>
      </DialogActions>
    </form>
  )
}
