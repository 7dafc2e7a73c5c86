import { useState } from 'react'
import { formatNumber } from '../ui/format.ts'
import { SearchField } from '../ui/search-field.tsx'
import { useQueryParam } from './use-query-param.ts'

/** Lists of up to this length have no search field. */
const GLANCE = 12

/** Filters a list by name. The search text is stored in the URL. */
export function useNameSearch<T>(all: readonly T[], getName: (one: T) => string) {
  const [asked, ask] = useQueryParam('q')
  const [text, setText] = useState(asked ?? '')
  const wanted = text.trim().toLowerCase()
  return {
    text,
    found: wanted === '' ? all : all.filter((one) => getName(one).toLowerCase().includes(wanted)),
    count: all.length,
    search: (next: string) => {
      setText(next)
      ask(next === '' ? null : next)
    },
  }
}

interface NameSearchProps extends Omit<ReturnType<typeof useNameSearch<unknown>>, 'found'> {
  label: string
  found: readonly unknown[]
  /** Opens the first match. */
  onEnter: () => void
}

/** A search field above a list that is too long to scan. */
export function NameSearch({ label, text, found, count, search, onEnter }: NameSearchProps) {
  if (count <= GLANCE && text === '') return null
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
      <div className="w-full sm:w-80">
        <SearchField label={label} value={text} onChange={search} onEnter={onEnter} />
      </div>
      <p role="status" className="text-sm text-muted">
        {text !== '' &&
          (found.length === 0
            ? 'No results. Try part of the name.'
            : `${formatNumber(found.length)} of ${formatNumber(count)}`)}
      </p>
    </div>
  )
}
