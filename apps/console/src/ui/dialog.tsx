import { X } from 'lucide-react'
import { Dialog as Primitive } from 'radix-ui'
import type { ReactNode } from 'react'
import { Button } from './button.tsx'
import { useReturnFocus } from './use-return-focus.ts'

interface DialogProps {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: string
  /** What this is about, in a sentence. */
  description?: ReactNode
  /** Shows what is gone once it is closed: a click beside it does not close it. */
  isOnce?: boolean
  children: ReactNode
}

/**
 * A dialog over the page: keeps the focus, closes with Escape and gives the focus back. Radix's own overlay is left out,
 * because it puts a style element into the page, which the policy of the console forbids.
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

/** What one is asked for comes before the button that closes. */
function toFirstField(event: Event): void {
  const field = (event.currentTarget as HTMLElement).querySelector<HTMLElement>('input, textarea, select')
  if (!field) return
  event.preventDefault()
  field.focus()
}

/** The row of buttons at the foot of a dialog: on phones the important one is on top. */
export const DialogActions = ({ children }: { children: ReactNode }) => (
  <div className="flex flex-col-reverse gap-2 pt-2 sm:flex-row sm:justify-end">{children}</div>
)
