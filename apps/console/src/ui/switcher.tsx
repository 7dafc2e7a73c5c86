import { ChevronsUpDown } from 'lucide-react'
import { Popover } from 'radix-ui'
import { useState } from 'react'
import { Button } from './button.tsx'
import { type Choice, Finder } from './combobox-list.tsx'

interface SwitcherProps {
  /** The type of the objects, such as `database`. */
  kind: string
  current: string
  /** The label of the search field. */
  label: string
  choices: readonly Choice[]
  none: string
  /** Whether the button has the full width of its container. */
  isWide?: boolean
}

/** A button with the current object that opens a search for the others. */
export function Switcher({ kind, current, isWide = false, ...finder }: SwitcherProps) {
  const [isOpen, setOpen] = useState(false)
  return (
    <Popover.Root open={isOpen} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <Button
          look={isWide ? 'secondary' : 'quiet'}
          size="small"
          align="between"
          className={isWide ? 'h-10 w-full' : 'max-w-60 min-w-0 px-2'}
          aria-label={`Switch ${kind}, current: ${current}`}
        >
          <span className="min-w-0 truncate">{current}</span>
          <ChevronsUpDown aria-hidden className="size-3.5 shrink-0 text-muted" />
        </Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="start"
          sideOffset={6}
          collisionPadding={8}
          aria-label={finder.label}
          className="z-50 flex max-h-[min(24rem,var(--radix-popover-content-available-height))] w-72 max-w-[calc(100vw-1rem)] animate-arrive flex-col overflow-hidden rounded-card border border-line bg-raised shadow-float"
        >
          <Finder {...finder} onChosen={() => setOpen(false)} />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}
