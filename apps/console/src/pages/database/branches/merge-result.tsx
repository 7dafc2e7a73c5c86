import { Link } from 'react-router'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { Button } from '../../../ui/button.tsx'

/** The message after a merge, with a link to undo it. */
export function MergeResult({ snapshot, onEnd }: { snapshot: string; onEnd: () => void }) {
  const ns = useNamespace()
  const db = useDatabase()
  return (
    <div
      role="status"
      className="flex flex-wrap items-center gap-3 rounded-card border border-line bg-success-soft p-4"
    >
      <p className="grow">Branch merged. A snapshot of {db} was created first.</p>
      <Button asChild size="small">
        <Link to={`${databasePath(ns, db, 'history')}?restore=${encodeURIComponent(snapshot)}`}>Undo merge</Link>
      </Button>
      <Button size="small" look="quiet" onClick={onEnd}>
        Dismiss
      </Button>
    </div>
  )
}
