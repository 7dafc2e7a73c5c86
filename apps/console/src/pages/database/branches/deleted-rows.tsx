import type { MergeReport } from '@persql/contract'
import { formatCount, formatNumber } from '../../../ui/format.ts'

interface RowDeletionsProps {
  parent: string
  /** The first of `count` deletions. */
  deletions: MergeReport['data']['deletions']
  count: number
}

/** Rows that the merge deletes from the parent, because the branch deleted them since the last merge. */
export function RowDeletions({ parent, deletions, count }: RowDeletionsProps) {
  if (count === 0) return null
  const shown = deletions.length < count ? ` Showing the first ${formatNumber(deletions.length)}.` : ''
  return (
    <section className="grid min-w-0 gap-2 rounded-card border border-line p-3">
      <h3 className="font-medium">Rows to delete from {parent}</h3>
      <p className="text-sm text-muted">
        The branch has deleted {formatCount(count, 'row')} since the last merge.{shown} A snapshot is created before the
        merge, so you can restore {count === 1 ? 'it' : 'them'}.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable with the keyboard */}
      <section className="max-h-96 min-w-0 overflow-y-auto" aria-label={`Rows to delete from ${parent}`} tabIndex={0}>
        <ul className="grid min-w-0 gap-1">
          {deletions.map(({ table, key, parent: row }) => (
            <li key={`${table} ${JSON.stringify(key)}`} className="grid min-w-0 gap-1 py-1">
              <span className="text-sm font-medium wrap-anywhere">
                {table} {JSON.stringify(key)}
              </span>
              <code className="rounded-field bg-sunken p-2 font-mono text-sm wrap-anywhere">{JSON.stringify(row)}</code>
            </li>
          ))}
        </ul>
      </section>
    </section>
  )
}
