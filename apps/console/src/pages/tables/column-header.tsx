import { ArrowDown, ArrowUp, KeyRound } from 'lucide-react'
import { useState } from 'react'
import type { SchemaColumn } from './row-identity.ts'

interface ColumnHeadProps {
  column: SchemaColumn
  direction: 'ascending' | 'descending' | undefined
  filter: string
  onSort: () => void
  onFilter: (text: string) => void
}

/** The header of a column: its name, which sorts, its type and a filter. */
export function ColumnHead({
  column: { name, type, primaryKey },
  direction,
  filter,
  onSort,
  onFilter,
}: ColumnHeadProps) {
  return (
    <div className="grid gap-1">
      <button type="button" onClick={onSort} className="flex min-w-0 items-center gap-1 text-left -outline-offset-2">
        {primaryKey > 0 && <KeyRound aria-label="Primary key" className="size-3 shrink-0 text-muted" />}
        <span className="truncate font-medium">{name}</span>
        <span className="shrink-0 text-xs text-muted">{type.toLowerCase().slice(0, 12)}</span>
        {direction === 'ascending' && <ArrowUp aria-hidden className="size-3.5 shrink-0" />}
        {direction === 'descending' && <ArrowDown aria-hidden className="size-3.5 shrink-0" />}
      </button>
      <Filter name={name} filter={filter} onFilter={onFilter} />
    </div>
  )
}

type FilterProps = Pick<ColumnHeadProps, 'filter' | 'onFilter'> & { name: string }

/**
 * Applies on Enter or when the field loses the focus. Each change is a billed read, so it doesn't apply while typing.
 */
function Filter({ name, filter, onFilter }: FilterProps) {
  const [text, setText] = useState(filter)
  const [known, setKnown] = useState(filter)
  if (known !== filter) {
    setKnown(filter)
    setText(filter)
  }
  const apply = () => text !== filter && onFilter(text)
  return (
    <input
      aria-label={`Filter by ${name}`}
      placeholder="Filter"
      title="Text to find, or a condition: =5, >5, <=5, !=5, null, !null"
      value={text}
      onChange={({ target }) => setText(target.value)}
      onBlur={apply}
      onKeyDown={({ key }) => {
        if (key === 'Enter') apply()
        if (key === 'Escape') setText(filter)
      }}
      autoCapitalize="none"
      autoComplete="off"
      spellCheck={false}
      className="h-7 w-full min-w-0 rounded border border-line-strong bg-surface px-1.5 text-sm placeholder:text-muted"
    />
  )
}
