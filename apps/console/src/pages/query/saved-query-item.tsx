import type { SavedQuery } from '@persql/contract'
import { Link } from 'react-router'
import { formatAgo, formatMoment } from '../../ui/format.ts'
import { MenuItem } from '../../ui/menu.tsx'
import { RowMenu } from '../../ui/row-menu.tsx'

interface SavedEntryProps {
  query: SavedQuery
  /** The last editor's name, or `undefined` while it loads. */
  by: string | undefined
  onOpen: () => void
  /** `false` for members who can't change saved queries. */
  actions: false | { rename: () => void; delete: () => void }
}

/** A saved query in the list: a link that can be shared, and the menu of its actions. */
export const SavedQueryItem = ({ query, by, onOpen, actions }: SavedEntryProps) => (
  <div className="flex min-w-0 items-start gap-1">
    <Link
      to={`?saved=${query.id}`}
      replace
      data-pick
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return
        event.preventDefault()
        onOpen()
      }}
      className="grid min-w-0 grow gap-1 rounded-field p-2 text-left -outline-offset-2 hover:bg-sunken"
    >
      <span className="font-medium break-words">{query.name}</span>
      <code className="line-clamp-2 min-w-0 font-mono text-sm break-words whitespace-pre-wrap text-muted">
        {query.sql.trim()}
      </code>
      <span className="text-sm break-words text-muted">
        <time dateTime={query.updatedAt} title={formatMoment(query.updatedAt)}>
          {formatAgo(query.updatedAt)}
        </time>
        {by && ` by ${by}`}
      </span>
    </Link>
    {actions && (
      <RowMenu of={query.name}>
        <MenuItem onSelect={actions.rename}>Rename</MenuItem>
        <MenuItem tone="danger" onSelect={actions.delete}>
          Delete
        </MenuItem>
      </RowMenu>
    )}
  </div>
)
