import { X } from 'lucide-react'
import { Dialog as Primitive } from 'radix-ui'
import type { ReactNode } from 'react'
import { Button } from './button.tsx'
import { useReturnFocus } from './use-return-focus.ts'

interface DialogProps {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: string
  /** The purpose or consequence, in one sentence. */
  description?: ReactNode
  /** Whether the content can't be shown again. A click outside of the dialog doesn't close it then. */
  isOnce?: boolean
  children: ReactNode
}

/**
 * A modal dialog that traps the focus, closes with Escape and restores the focus. It doesn't use Radix's overlay, which
 * adds a style element that the console's content security policy blocks.
 */
export function Dialog({ open, onOpenChange, title, description, isOnce = false, children }: DialogProps) {
  const focus = useReturnFocus()
  return (
    <Primitive.Root open={open} onOpenChange={onOpenChange}>
      <Primitive.Portal>
        <div
          data-modal
          className="fixed inset-0 z-40 grid items-end justify-items-center overflow-y-auto bg-shade sm:items-center sm:p-6"
        >
          <Primitive.Content
            {...(description === undefined && { 'aria-describedby': undefined })}
            onOpenAutoFocus={(event) => {
              focus.opened()
              toFirstField(event)
            }}
            onCloseAutoFocus={focus.closed}
            {...(isOnce && { onInteractOutside: (event: Event) => event.preventDefault() })}
            className="grid w-full max-w-lg animate-arrive grid-cols-[minmax(0,1fr)] gap-4 wrap-anywhere rounded-t-card bg-raised p-6 shadow-float sm:rounded-card"
          >
            <div className="flex items-start justify-between gap-4">
              <Primitive.Title className="text-lg font-semibold">{title}</Primitive.Title>
              <Primitive.Close asChild>
                <Button look="quiet" size="icon" aria-label="Close" className="-mt-1.5 -mr-2">
                  <X aria-hidden className="size-4" />
                </Button>
              </Primitive.Close>
            </div>
            {description !== undefined && (
              <Primitive.Description asChild>
                <div className="-mt-2 text-muted">{description}</div>
              </Primitive.Description>
            )}
            {children}
          </Primitive.Content>
        </div>
      </Primitive.Portal>
    </Primitive.Root>
  )
}

/** Focuses the first field instead of the close button. */
function toFirstField(event: Event): void {
  const field = (event.currentTarget as HTMLElement).querySelector<HTMLElement>('input, textarea, select')
  if (!field) return
  event.preventDefault()
  field.focus()
}

/** The buttons of a dialog. On phones they are stacked, with the primary one on top. */
export const DialogActions = ({ children }: { children: ReactNode }) => (
  <div className="flex flex-col-reverse gap-2 pt-2 sm:flex-row sm:justify-end">{children}</div>
)
