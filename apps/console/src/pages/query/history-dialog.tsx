import { useState } from 'react'
import { Badge } from '../../ui/badge.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { formatAgo } from '../../ui/format.ts'
import { SearchField } from '../../ui/search-field.tsx'
import { pickKeys } from './list-keyboard.ts'
import type { HistoryEntry } from './query-tabs.ts'
import { matching } from './saved-query-status.ts'

interface HistoryDialogProps {
  past: readonly HistoryEntry[]
  onTake: (sql: string) => void
  onClose: () => void
}

/** The statements that ran in this browser. Choosing one opens it in a new tab. */
export function HistoryDialog({ past, onTake, onClose }: HistoryDialogProps) {
  const [wanted, setWanted] = useState('')
  const shown = matching(past, ({ sql }) => sql, wanted)
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="Query history"
      description="Queries you ran on this database, saved in this browser only."
    >
      <search className="grid min-w-0 gap-3" onKeyDown={pickKeys}>
        {past.length === 0 ? (
          <p>No queries yet. Queries you run appear here.</p>
        ) : (
          <SearchField
            label="Search query history"
            value={wanted}
            onChange={setWanted}
            onEnter={() => shown[0] && onTake(shown[0].sql)}
          />
        )}
        {past.length > 0 && shown.length === 0 && <p role="status">No matching queries.</p>}
        <ul className="grid max-h-[60dvh] min-w-0 gap-1 overflow-y-auto">
          {shown.map(({ sql, atMs, failed }) => (
            <li key={sql} className="min-w-0">
              <button
                type="button"
                data-pick
                onClick={() => onTake(sql)}
                className="grid w-full min-w-0 gap-1 rounded-field p-2 text-left -outline-offset-2 hover:bg-sunken"
              >
                <code className="line-clamp-3 min-w-0 font-mono text-sm break-words whitespace-pre-wrap">{sql}</code>
                <span className="flex gap-2 text-sm text-muted">
                  {formatAgo(new Date(atMs).toISOString())}
                  {failed && <Badge tone="danger">Failed</Badge>}
                </span>
              </button>
            </li>
          ))}
        </ul>
      </search>
    </Dialog>
  )
}
