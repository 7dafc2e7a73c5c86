import type { Endpoint } from '@persql/contract'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { useApiMutation } from '../../../api/hooks.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { NAVIGATION_SAVED } from '../../../shell/unsaved-changes-guard.tsx'
import { Button } from '../../../ui/button.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { toast } from '../../../ui/toast.tsx'

const LIST = 'GET /api/namespaces/{ns}/databases/{db}/endpoints'
const CHANGED = [LIST, 'GET /api/namespaces/{ns}/databases/{db}/endpoints/{slug}'] as const

/** Buttons to publish, pause and delete an endpoint. */
export function EndpointActions({ endpoint: { slug, name, status } }: { endpoint: Endpoint }) {
  const where = { ns: useNamespace(), db: useDatabase(), slug }
  const navigate = useNavigate()
  const [isLeaving, setLeaving] = useState(false)
  const publish = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/endpoints/{slug}/publish', CHANGED)
  const pause = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/endpoints/{slug}/pause', CHANGED)
  const remove = useApiMutation('DELETE /api/namespaces/{ns}/databases/{db}/endpoints/{slug}', [LIST])
  const failure = publish.error ?? pause.error
  const open = async () => {
    if (await publish.mutateAsync(where).catch(() => undefined)) toast(`“${name}” published.`)
  }
  const close = async () => {
    const done = await pause.mutateAsync(where).catch(() => undefined)
    if (done) toast(`“${name}” paused.`, { name: 'Undo', run: () => void open() })
  }
  return (
    <>
      {status === 'published' ? (
        <Button busy={pause.isPending} onClick={close}>
          Pause
        </Button>
      ) : (
        <Button look="primary" busy={publish.isPending} onClick={open}>
          Publish
        </Button>
      )}
      <Button look="soft-danger" onClick={() => setLeaving(true)}>
        Delete
      </Button>
      {failure && <ErrorPanel error={failure} />}
      <ConfirmDialog
        open={isLeaving}
        onOpenChange={setLeaving}
        title={`Delete “${name}”?`}
        description="Callers will get a 404. All versions are deleted. This can't be undone."
        typed={slug}
        action="Delete endpoint"
        onConfirm={async () => {
          await remove.mutateAsync(where)
          navigate(databasePath(where.ns, where.db, 'endpoints'), { state: NAVIGATION_SAVED })
          toast(`“${name}” deleted.`)
        }}
      />
    </>
  )
}
