import { useCall, useDo } from '../../../api/hooks.ts'
import { queryClient } from '../../../api/query-client.ts'
import { useAsked } from '../../../shell/asked.ts'
import { useMay } from '../../../shell/membership.ts'
import { Badge } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Card } from '../../../ui/page.tsx'
import { Skeleton } from '../../../ui/skeleton.tsx'
import { toast } from '../../../ui/toast.tsx'

const TONES = { error: 'danger', warning: 'warning', info: 'neutral' } as const

/** What in the schema confuses people and models, each with what mends it where that is safe. */
export function Findings(place: { ns: string; db: string }) {
  const mayFix = useMay('editor')
  const [asked, ask] = useAsked('fix')
  const { data, error, refetch } = useCall('GET /api/namespaces/{ns}/databases/{db}/doctor', place)
  const { mutateAsync } = useDo('POST /api/namespaces/{ns}/databases/{db}/query')
  const chosen = data?.findings.find(({ fix }) => fix !== undefined && fix === asked)
  return (
    <Card title="Findings">
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <Skeleton className="h-24 w-full" />}
      {data?.findings.length === 0 && <p className="text-muted">Nothing here confuses people or models.</p>}
      {data && data.findings.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
        <section className="max-h-96 overflow-y-auto" aria-label="Findings" tabIndex={0}>
          <ul className="grid grid-cols-[minmax(0,1fr)] gap-3" aria-label="Findings">
            {data.findings.map(({ severity, rule, table, column, message, fix }) => (
              <li
                key={`${rule} ${table} ${column} ${message}`}
                className="grid grid-cols-[minmax(0,1fr)] gap-1.5 border-l-2 border-line pl-3"
              >
                <p className="flex flex-wrap items-center gap-2 wrap-anywhere">
                  <Badge tone={TONES[severity]}>{severity}</Badge>
                  <span className="font-medium">{column ? `${table}.${column}` : table}</span>
                </p>
                <p className="break-words">{message}</p>
                {fix && <code className="font-mono text-sm break-words whitespace-pre-wrap">{fix}</code>}
                {fix && mayFix && (
                  <div>
                    <Button size="small" onClick={() => ask(fix)}>
                      Run this fix
                    </Button>
                  </div>
                )}
              </li>
            ))}
          </ul>
        </section>
      )}
      {data !== undefined && data.omitted > 0 && <p className="text-sm text-muted">And {data.omitted} more.</p>}
      <ConfirmDialog
        open={chosen !== undefined}
        onOpenChange={() => ask(null)}
        title="Run this fix?"
        description={
          <>
            <code className="font-mono text-sm break-words whitespace-pre-wrap">{chosen?.fix}</code>
            <span className="mt-2 block">It only adds something, so what works goes on working.</span>
          </>
        }
        action="Run fix"
        isHarmless
        onConfirm={async () => {
          await mutateAsync({ ...place, sql: chosen?.fix ?? '' })
          await queryClient.invalidateQueries()
          toast('The fix was run.')
        }}
      />
    </Card>
  )
}
