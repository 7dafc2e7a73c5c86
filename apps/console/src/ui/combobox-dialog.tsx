import { Dialog } from 'radix-ui'
import { type Choice, Finder } from './combobox-list.tsx'
import { useReturnFocus } from './use-return-focus.ts'

interface FinderDialogProps {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: string
  /** The label of the search field. */
  label: string
  choices: readonly Choice[]
  none: string
}

/** A finder in a dialog. When it closes, the focus moves to the new page, or returns if the page didn't change. */
export function FinderDialog({ open, onOpenChange, title, ...finder }: FinderDialogProps) {
  const focus = useReturnFocus()
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <div data-modal className="fixed inset-0 z-40 bg-shade p-3 sm:px-6 sm:pt-[12dvh]">
          <Dialog.Content
            aria-describedby={undefined}
            onOpenAutoFocus={focus.opened}
            onCloseAutoFocus={focus.closed}
            className="mx-auto flex max-h-[min(28rem,75dvh)] w-full max-w-xl animate-arrive flex-col overflow-hidden rounded-card border border-line bg-raised shadow-float"
          >
            <Dialog.Title className="sr-only">{title}</Dialog.Title>
            <Finder {...finder} onChosen={() => onOpenChange(false)} />
          </Dialog.Content>
        </div>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
