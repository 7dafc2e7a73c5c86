import { Button } from '../../../ui/button.tsx'

/** The default page size of the API. */
const PER_PAGE = 100

interface PagerProps {
  /** The current page, newest first. */
  shown: readonly { id: string | number }[]
  /** The ID that the page starts after, from the URL. */
  before: string | null
  onTurn: (before: string | null) => void
}

/** Buttons to the older entries and back to the newest. Renders nothing if one page has all entries. */
export function Pager({ shown, before, onTurn }: PagerProps) {
  const last = shown.at(-1)
  const hasMore = shown.length === PER_PAGE && last !== undefined
  if (before === null && !hasMore) return null
  return (
    <nav aria-label="Pages" className="flex gap-2">
      {before !== null && <Button onClick={() => onTurn(null)}>Newest</Button>}
      {hasMore && <Button onClick={() => onTurn(String(last.id))}>Older</Button>}
    </nav>
  )
}
