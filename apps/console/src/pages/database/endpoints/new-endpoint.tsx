import { useState } from 'react'
import { useNavigate } from 'react-router'
import { useApiMutation } from '../../../api/hooks.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { NAVIGATION_SAVED, UnsavedChangesGuard } from '../../../shell/unsaved-changes-guard.tsx'
import { Button } from '../../../ui/button.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Card, Page } from '../../../ui/page.tsx'
import { toast } from '../../../ui/toast.tsx'
import { FIRST, formatDraft, parseDraft, type Spec } from './spec-draft.ts'
import { SpecEditor } from './spec-editor.tsx'
import { useRules } from './use-spec-validation.ts'

/** The form that saves a new endpoint as a draft. */
export function NewEndpoint({ close }: { close: () => void }) {
  const [ns, db] = [useNamespace(), useDatabase()]
  const [text, setText] = useState(formatDraft(FIRST))
  const navigate = useNavigate()
  const rules = useRules()
  const draft = parseDraft(text)
  const checked = draft && rules?.validateEndpointSpec(draft)
  const { mutateAsync, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/endpoints', [
    'GET /api/namespaces/{ns}/databases/{db}/endpoints',
  ])
  const save = async () => {
    const made = await mutateAsync({ ...(draft as Spec), ns, db }).catch(() => undefined)
    if (!made) return
    navigate(databasePath(ns, db, 'endpoints', made.slug), { state: NAVIGATION_SAVED })
    toast(`Draft “${made.name}” saved.`)
  }
  return (
    <Page title="New endpoint" lead="Saved as a draft. It isn't public until you publish it.">
      <UnsavedChangesGuard when={text !== formatDraft(FIRST)} what="the new endpoint" />
      <Card title="Spec">
        <SpecEditor text={text} onChange={setText} problems={checked && !checked.ok ? checked.errors : []} isNew />
        {error && <ErrorPanel error={error} />}
        <div className="flex flex-wrap gap-2">
          <Button look="primary" busy={isPending} disabled={!checked?.ok} onClick={save}>
            Save draft
          </Button>
          <Button onClick={close}>Cancel</Button>
        </div>
      </Card>
    </Page>
  )
}
