import type { IndexAdvice } from '@persql/contract'
import { useDo } from '../../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../../shell/address.ts'
import { Button } from '../../../ui/button.tsx'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatNumber } from '../../../ui/format.ts'
import { Card } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { toast } from '../../../ui/toast.tsx'

/** Looks for indexes that statements lack, and makes those somebody wants. */
export function IndexAdviceCard() {
  const where = { ns: useNamespace(), db: useDatabase() }
  const { mutate, data, isPending, error } = useDo('POST /api/namespaces/{ns}/databases/{db}/ai/indexes')
  return (
    <Card
      title="Indexes"
      actions={
        <Button size="small" busy={isPending} onClick={() => mutate(where)}>
          Look for indexes
        </Button>
      }
    >
      <p className="text-muted">
        Tries indexes for the statements of the query log on a copy, and tells which of them help. Nothing is changed.
      </p>
      {error && <ErrorPanel error={error} onRetry={() => mutate(where)} />}
      {isPending && <SkeletonRows rows={2} label="Trying indexes on a copy" />}
      {data && !isPending && (
        <div role="status" className="grid gap-4">
          {data.suggestions.length === 0 && (
            <p>
              No index would help the {formatNumber(data.examined)} statements that were looked at. Come back after your
              app has run for a while.
            </p>
          )}
          {data.suggestions.map((suggestion) => (
            <Suggestion key={suggestion.sql} {...suggestion} />
          ))}
        </div>
      )}
    </Card>
  )
}

function Suggestion({ sql, reason, queries, rowsReadBefore, rowsReadAfter }: IndexAdvice['suggestions'][number]) {
  const where = { ns: useNamespace(), db: useDatabase() }
  const { mutateAsync, isPending, isSuccess, error } = useDo('POST /api/namespaces/{ns}/databases/{db}/query')
  const create = async () => {
    if (await mutateAsync({ ...where, sql }).catch(() => undefined)) toast('The index is there.')
  }
  return (
    <section className="grid gap-2 border-t border-line pt-4" aria-label={sql}>
      <p>{reason}</p>
      <p className="text-sm text-muted">
        Rows read: {formatNumber(rowsReadBefore)} → {formatNumber(rowsReadAfter)}, for {queries.length}{' '}
        {queries.length === 1 ? 'statement' : 'statements'}. DROP INDEX takes it back.
      </p>
      <CodeBlock label="SQL" code={sql} />
      {error && <ErrorPanel error={error} />}
      <div>
        <Button size="small" look="primary" busy={isPending} disabled={isSuccess} onClick={create}>
          {isSuccess ? 'Created' : 'Create index'}
        </Button>
      </div>
    </section>
  )
}
