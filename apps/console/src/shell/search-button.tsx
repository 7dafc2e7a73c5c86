import { Search } from 'lucide-react'
import { Button } from '../ui/button.tsx'
import { commandKey, Kbd } from '../ui/kbd.tsx'

/** A button that opens the command palette. */
export const SearchButton = ({ isSmall, onClick }: { isSmall: boolean; onClick: () => void }) =>
  isSmall ? (
    <Button size="icon" look="quiet" aria-label="Search" onClick={onClick}>
      <Search aria-hidden className="size-4" />
    </Button>
  ) : (
    <Button size="small" align="between" className="w-52 font-normal text-muted" onClick={onClick}>
      <span className="flex items-center gap-2">
        <Search aria-hidden className="size-4" />
        Search
      </span>
      <span aria-hidden className="flex gap-0.5">
        <Kbd>{commandKey()}</Kbd>
        <Kbd>K</Kbd>
      </span>
    </Button>
  )
