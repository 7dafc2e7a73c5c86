import type { Endpoint } from '@persql/contract'
import { useState } from 'react'
import { useApiMutation, useApiQuery } from '../../../api/hooks.ts'
import { useCan } from '../../../shell/membership.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { UnsavedChangesGuard } from '../../../shell/unsaved-changes-guard.tsx'
import { Button } from '../../../ui/button.tsx'
import { ChoiceTabs } from '../../../ui/choice-tabs.tsx'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { toast } from '../../../ui/toast.tsx'
import { CallSnippets } from './call-card.tsx'
import { EndpointActions } from './endpoint-actions.tsx'
import { diffDraft, formatDraft, parseDraft } from './spec-draft.ts'
import { SpecEditor } from './spec-editor.tsx'
import { StatusBadge } from './status-badge.tsx'
import { TryEndpoint } from './test-card.tsx'
import { Traffic } from './traffic.tsx'
import { useRules } from './use-spec-validation.ts'
import { Versions } from './versions.tsx'

/** The page of an endpoint: spec, test, snippets, statistics and versions. */
export function EndpointDetail({ slug }: { slug: string }) {
  const where = { ns: useNamespace(), db: useDatabase(), slug }
  const mayChange = useCan('editor')
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/endpoints/{slug}', where)
  return (
    <Page
      title={data?.name ?? slug}
      lead={
        <span className="flex min-h-6 items-center gap-3">
          {data && <StatusBadge status={data.status} />}
          {data && `Version ${data.version}`}
        </span>
      }
      back={{ to: databasePath(where.ns, where.db, 'endpoints'), name: 'All endpoints' }}
      actions={data && mayChange && <EndpointActions endpoint={data} />}
    >
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows rows={8} label="Loading endpoint" />}
      {data && <Parts endpoint={data} />}
    </Page>
  )
}

function Parts({ endpoint }: { endpoint: Endpoint }) {
  const mayChange = useCan('editor')
  // Edits start from one version. A version that someone else saves must not overwrite them.
  const [base, setBase] = useState(endpoint)
  const [text, setText] = useState(formatDraft(endpoint.spec))
  const saved = formatDraft(base.spec)
  const take = (version: Endpoint) => {
    setBase(version)
    setText(formatDraft(version.spec))
  }
  const isBehind = base.version !== endpoint.version
  if (isBehind && (text === saved || text === formatDraft(endpoint.spec))) take(endpoint)
  const call = { id: 'call', name: 'Call the endpoint', content: <CallSnippets endpoint={endpoint} /> }
  const traffic = { id: 'traffic', name: 'Traffic', content: <Traffic slug={endpoint.slug} /> }
  const versions = { id: 'versions', name: 'Versions', content: <Versions endpoint={endpoint} /> }
  if (!mayChange) {
    const spec = { id: 'spec', name: 'Spec', content: <CodeBlock label="Spec" code={formatDraft(endpoint.spec)} /> }
    return <ChoiceTabs label="Endpoint" param="view" choices={[spec, call, traffic, versions]} />
  }
  return (
    <>
      <UnsavedChangesGuard when={text !== saved} what="changes to the spec" />
      <ChoiceTabs
        label="Endpoint"
        param="view"
        choices={[
          {
            id: 'spec',
            name: 'Spec',
            content: (
              <>
                {isBehind && <Behind version={endpoint.version} onTake={() => take(endpoint)} />}
                <Edit endpoint={{ ...endpoint, spec: base.spec }} text={text} onChange={setText} onSaved={take} />
              </>
            ),
          },
          {
            id: 'try',
            name: 'Test',
            content: <TryEndpoint endpoint={endpoint} draft={parseDraft(text) ?? base.spec} />,
          },
          call,
          traffic,
          versions,
        ]}
      />
    </>
  )
}

const Behind = ({ version, onTake }: { version: number; onTake: () => void }) => (
  <div role="status" className="flex flex-wrap items-center justify-between gap-2 rounded-card bg-warning-soft p-4">
    <span>
      Someone else saved version {version}. Your edits are kept. Saving them creates a new version without the changes
      in version {version}.
    </span>
    <Button size="small" onClick={onTake}>
      Discard my edits and load version {version}
    </Button>
  </div>
)

interface EditProps {
  /** The endpoint with the spec that the edits are based on. */
  endpoint: Endpoint
  text: string
  onChange: (text: string) => void
  onSaved: (endpoint: Endpoint) => void
}

function Edit({ endpoint: { slug, status, spec }, text, onChange, onSaved }: EditProps) {
  const saved = formatDraft(spec)
  const where = { ns: useNamespace(), db: useDatabase(), slug }
  const rules = useRules()
  const draft = parseDraft(text)
  const checked = draft && rules?.validateEndpointSpec(draft)
  const { mutateAsync, isPending, error } = useApiMutation(
    'PATCH /api/namespaces/{ns}/databases/{db}/endpoints/{slug}',
    [
      'GET /api/namespaces/{ns}/databases/{db}/endpoints',
      'GET /api/namespaces/{ns}/databases/{db}/endpoints/{slug}',
      'GET /api/namespaces/{ns}/databases/{db}/endpoints/{slug}/versions',
    ],
  )
  const save = async () => {
    const made = await mutateAsync({ ...diffDraft(spec, draft ?? {}), ...where }).catch(() => undefined)
    if (!made) return
    onSaved(made)
    toast(`Version ${made.version} saved.`)
  }
  const discard = () => {
    onChange(saved)
    toast('Changes discarded.', { name: 'Undo', run: () => onChange(text) })
  }
  return (
    <>
      <SpecEditor
        text={text}
        onChange={onChange}
        problems={checked && !checked.ok ? checked.errors : []}
        isNew={false}
      />
      {error && <ErrorPanel error={error} />}
      <div className="flex flex-wrap items-center gap-2">
        <Button look="primary" busy={isPending} disabled={!checked?.ok || text === saved} onClick={save}>
          {status === 'published' ? 'Save and publish' : 'Save'}
        </Button>
        <Button disabled={text === saved} onClick={discard}>
          Discard changes
        </Button>
      </div>
    </>
  )
}
