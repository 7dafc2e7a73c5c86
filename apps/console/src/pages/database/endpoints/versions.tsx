import type { Endpoint } from '@persql/contract'
import { useState } from 'react'
import { useApiMutation, useApiQuery } from '../../../api/hooks.ts'
import { useCan } from '../../../shell/membership.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { Badge } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatMoment } from '../../../ui/format.ts'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { Table } from '../../../ui/table.tsx'
import { toast } from '../../../ui/toast.tsx'

const VERSIONS = 'GET /api/namespaces/{ns}/databases/{db}/endpoints/{slug}/versions'
const CHANGED = [
  VERSIONS,
  'GET /api/namespaces/{ns}/databases/{db}/endpoints',
  'GET /api/namespaces/{ns}/databases/{db}/endpoints/{slug}',
] as const

/** The versions of an endpoint, with buttons to revert to a previous one. */
export function Versions({ endpoint: { slug, version: current } }: { endpoint: Endpoint }) {
  const where = { ns: useNamespace(), db: useDatabase(), slug }
  const mayChange = useCan('editor')
  const { data, error, refetch } = useApiQuery(VERSIONS, where)
  const [asked, ask] = useState<number>()
  const publish = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/endpoints/{slug}/publish', CHANGED)
  if (error) return <ErrorPanel error={error} onRetry={refetch} />
  if (!data) return <SkeletonRows label="Loading versions" />
  return (
    <>
      <Table
        label="Versions"
        rows={data}
        getKey={({ version }) => version}
        columns={[
          {
            name: 'Version',
            cell: ({ version }) => (
              <span className="flex items-center gap-2">
                {version}
                {version === current && <Badge tone="accent">Current</Badge>}
              </span>
            ),
          },
          { name: 'Saved', cell: ({ savedAt }) => formatMoment(savedAt) },
          {
            name: 'Statement',
            isExtra: true,
            cell: ({ spec }) => <code className="line-clamp-3 font-mono text-sm break-words">{spec.sql}</code>,
          },
          {
            name: 'Actions',
            isUnnamed: true,
            isNumber: true,
            cell: ({ version }) =>
              mayChange &&
              version !== current && (
                <Button size="small" onClick={() => ask(version)}>
                  Revert to {version}
                </Button>
              ),
          },
        ]}
      />
      {asked !== undefined && (
        <ConfirmDialog
          open
          onOpenChange={() => ask(undefined)}
          title={`Revert to version ${asked}?`}
          description="Publishes the spec of that version as a new version. All versions are kept, so you can switch back."
          action={`Revert to version ${asked}`}
          isHarmless
          onConfirm={async () => {
            await publish.mutateAsync({ ...where, version: asked })
            toast(`Reverted to version ${asked}.`)
          }}
        />
      )}
    </>
  )
}
