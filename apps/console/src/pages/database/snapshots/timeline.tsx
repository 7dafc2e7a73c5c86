import type { Snapshot } from '@persql/contract'
import { RotateCcw, Trash2 } from 'lucide-react'
import { useCan } from '../../../shell/membership.ts'
import { Badge } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { formatAgo, formatCount, formatMoment } from '../../../ui/format.ts'

interface TimelineProps {
  snapshots: readonly Snapshot[]
  onRestore: (id: string) => void
  onDelete: (id: string) => void
}

/** A timeline of snapshots, newest first, grouped by day. */
export const Timeline = ({ snapshots, ...actions }: TimelineProps) => (
  <div className="grid gap-6">
    {groupByDay(snapshots).map(([day, taken]) => (
      <section key={day} className="grid gap-3">
        <h2 className="text-sm font-medium text-muted">{day}</h2>
        <ol className="grid gap-3 border-l-2 border-line pl-4" aria-label={`Snapshots from ${day}`}>
          {taken.map((snapshot) => (
            <Moment key={snapshot.id} snapshot={snapshot} {...actions} />
          ))}
        </ol>
      </section>
    ))}
  </div>
)

function Moment({
  snapshot,
  onRestore,
  onDelete,
}: { snapshot: Snapshot } & Pick<TimelineProps, 'onRestore' | 'onDelete'>) {
  const mayRestore = useCan('admin')
  const mayDelete = useCan('editor')
  const { id, label, automatic, createdAt, rows } = snapshot
  return (
    <li className="relative flex flex-wrap items-center justify-between gap-3 rounded-card border border-line bg-surface p-4">
      <span
        aria-hidden
        className="absolute top-6 -left-[1.4rem] size-3 rounded-full border-2 border-canvas bg-accent"
      />
      <div className="grid min-w-0 gap-1">
        <p className="flex flex-wrap items-center gap-2 font-medium wrap-anywhere">
          {label}
          {automatic && <Badge>Automatic</Badge>}
        </p>
        <p className="text-sm text-muted">
          <time dateTime={createdAt}>
            {formatMoment(createdAt)} ({formatAgo(createdAt)})
          </time>
          {` · ${formatCount(rows, 'row')}`}
        </p>
      </div>
      <div className="flex gap-2 empty:hidden">
        {mayRestore && (
          <Button size="small" aria-label={`Restore ${label}`} onClick={() => onRestore(id)}>
            <RotateCcw aria-hidden className="size-3.5" />
            Restore
          </Button>
        )}
        {mayDelete && (
          <Button size="small" look="quiet" aria-label={`Delete ${label}`} onClick={() => onDelete(id)}>
            <Trash2 aria-hidden className="size-3.5" />
          </Button>
        )}
      </div>
    </li>
  )
}

/** Groups snapshots by day, in the reader's time zone. */
function groupByDay(snapshots: readonly Snapshot[]): [string, Snapshot[]][] {
  const days = new Map<string, Snapshot[]>()
  for (const snapshot of snapshots) {
    const day = new Date(snapshot.createdAt).toLocaleDateString('en', { dateStyle: 'full' })
    days.set(day, [...(days.get(day) ?? []), snapshot])
  }
  return [...days]
}
