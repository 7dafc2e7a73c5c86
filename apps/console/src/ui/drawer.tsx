import { ChevronDown, X } from 'lucide-react'
import { Dialog } from 'radix-ui'
import { type ReactNode, useEffect, useState } from 'react'
import { useLocation } from 'react-router'
import { Button } from './button.tsx'
import { useReturnFocus } from './use-return-focus.ts'

interface DrawerProps {
  /** The current location, as the button shows it. */
  here: ReactNode
  children: ReactNode
}

/** A button with the current location that opens the navigation from the side. */
export function Drawer({ here, children }: DrawerProps) {
  const [isOpen, setOpen] = useState(false)
  const focus = useReturnFocus()
  const { pathname } = useLocation()
  // biome-ignore lint/correctness/useExhaustiveDependencies: a navigation must close the drawer
  useEffect(() => setOpen(false), [pathname])
  return (
    <Dialog.Root open={isOpen} onOpenChange={setOpen}>
      <Dialog.Trigger asChild>
        <Button size="small" align="between" className="h-9 w-full min-w-0">
          <span className="sr-only">Menu: </span>
          <span className="flex min-w-0 items-baseline gap-1.5">{here}</span>
          <ChevronDown aria-hidden className="size-4 shrink-0 text-muted" />
        </Button>
      </Dialog.Trigger>
      <Dialog.Portal>
        <div data-modal className="fixed inset-0 z-40 bg-shade md:hidden">
          <Dialog.Content
            aria-describedby={undefined}
            onOpenAutoFocus={focus.opened}
            onCloseAutoFocus={focus.closed}
            className="flex h-full w-80 max-w-[88vw] animate-slide flex-col gap-4 overflow-y-auto overscroll-contain bg-surface p-4 shadow-float"
          >
            <div className="flex items-center justify-between">
              <Dialog.Title className="px-1 font-semibold">Menu</Dialog.Title>
              <Dialog.Close asChild>
                <Button look="quiet" size="icon" aria-label="Close">
                  <X aria-hidden className="size-4" />
                </Button>
              </Dialog.Close>
            </div>
            {children}
          </Dialog.Content>
        </div>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
