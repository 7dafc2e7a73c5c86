import { useApiMutation, useApiQuery } from '../../../api/hooks.ts'
import { queryClient } from '../../../api/query-client.ts'
import { useCan } from '../../../shell/membership.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Badge } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { ConfirmDialog } from '../../../ui/confirm-dialog.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { capitalize, formatCount } from '../../../ui/format.ts'
import { Card } from '../../../ui/page.tsx'
import { Skeleton } from '../../../ui/skeleton.tsx'
import { toast } from '../../../ui/toast.tsx'

const TONES = { error: 'danger', warning: 'warning', info: 'neutral' } as const

/** The issues that the schema doctor found, each with a fix if a safe one exists. */
export function Findings(place: { ns: string; db: string }) {
  const mayFix = useCan('editor')
  const [asked, ask] = useQueryParam('fix')
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/doctor', place)
  const { mutateAsync } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/query')
  const chosen = data?.findings.find(({ fix }) => fix !== undefined && fix === asked)
  return (
    <Card title="Issues">
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <Skeleton className="h-24 w-full" />}
      {data?.findings.length === 0 && <p className="text-muted">No issues found.</p>}
      {data && data.findings.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable with the keyboard
        <section className="max-h-96 overflow-y-auto" aria-label="Issues" tabIndex={0}>
          <ul className="grid grid-cols-[minmax(0,1fr)] gap-3" aria-label="Issues">
            {data.findings.map(({ severity, rule, table, column, message, fix }) => (
              <li
                key={`${rule} ${table} ${column} ${message}`}
                className="grid grid-cols-[minmax(0,1fr)] gap-1.5 border-l-2 border-line pl-3"
              >
                <p className="flex flex-wrap items-center gap-2 wrap-anywhere">
                  <Badge tone={TONES[severity]}>{capitalize(severity)}</Badge>
                  <span className="font-medium">{column ? `${table}.${column}` : table}</span>
                </p>
                <p className="break-words">{message}</p>
                {fix && <code className="font-mono text-sm break-words whitespace-pre-wrap">{fix}</code>}
                {fix && mayFix && (
                  <div>
                    <Button size="small" onClick={() => ask(fix)}>
                      Run fix
                    </Button>
                  </div>
                )}
              </li>
            ))}
          </ul>
        </section>
      )}
      {data !== undefined && data.omitted > 0 && (
        <p className="text-sm text-muted">{formatCount(data.omitted, 'more issue')} not shown.</p>
      )}
      <ConfirmDialog
        open={chosen !== undefined}
        onOpenChange={() => ask(null)}
        title="Run this fix?"
        description={
          <>
            <code className="font-mono text-sm break-words whitespace-pre-wrap">{chosen?.fix}</code>
            <span className="mt-2 block">This fix only adds to the schema. Existing queries keep working.</span>
          </>
        }
        action="Run fix"
        isHarmless
        onConfirm={async () => {
          await mutateAsync({ ...place, sql: chosen?.fix ?? '' })
          await queryClient.invalidateQueries()
          toast('Fix applied.')
        }}
      />
    </Card>
  )
}
