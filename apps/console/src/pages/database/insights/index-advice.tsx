import type { IndexAdvice } from '@persql/contract'
import { useApiMutation } from '../../../api/hooks.ts'
import { useDatabase, useNamespace } from '../../../shell/paths.ts'
import { Button } from '../../../ui/button.tsx'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { formatCount, formatNumber } from '../../../ui/format.ts'
import { Card } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { toast } from '../../../ui/toast.tsx'

/** Finds missing indexes and creates the chosen ones. */
export function IndexAdviceCard() {
  const where = { ns: useNamespace(), db: useDatabase() }
  const { mutate, data, isPending, error } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/ai/indexes')
  return (
    <Card
      title="Index suggestions"
      actions={
        <Button size="small" busy={isPending} onClick={() => mutate(where)}>
          Find missing indexes
        </Button>
      }
    >
      <p className="text-muted">
        Tests indexes for your logged statements on a copy of the data and reports which ones help. Your database isn't
        changed. Billed as rows read for the copy.
      </p>
      {error && <ErrorPanel error={error} onRetry={() => mutate(where)} />}
      {isPending && <SkeletonRows rows={2} label="Testing indexes on a copy" />}
      {data && !isPending && (
        <div role="status" className="grid gap-4">
          {data.suggestions.length === 0 && (
            <p>
              {data.examined === 0
                ? 'No statements to analyze yet.'
                : `No index would speed up the ${formatCount(data.examined, 'analyzed statement')}.`}{' '}
              Check again after your app has run for a while.
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
  const { mutateAsync, isPending, isSuccess, error } = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/query')
  const create = async () => {
    if (await mutateAsync({ ...where, sql }).catch(() => undefined)) toast('Index created.')
  }
  return (
    <section className="grid gap-2 border-t border-line pt-4" aria-label={sql}>
      <p>{reason}</p>
      <p className="text-sm text-muted">
        Rows read: {formatNumber(rowsReadBefore)} → {formatNumber(rowsReadAfter)} for{' '}
        {formatCount(queries.length, 'statement')}. To remove the index, use DROP INDEX.
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
