import { Button } from '../../../ui/button.tsx'

/** As many as one call answers unless it says otherwise. */
const PER_PAGE = 100

interface PagerProps {
  /** What is shown, the newest first. */
  shown: readonly { id: string | number }[]
  /** After which one it begins, as it stands in the address. */
  before: string | null
  onTurn: (before: string | null) => void
}

/** Leads to what is older, and back to the newest; nothing where all of it is shown. */
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
