import { X } from 'lucide-react'
import { Toast as Primitive } from 'radix-ui'
import { useSyncExternalStore } from 'react'
import { Button } from './button.tsx'

/** A short message about a finished action, with an optional action such as Undo. */
interface Message {
  text: string
  action?: { name: string; run: () => void }
}

let messages: readonly (Message & { id: number })[] = []
let last = 0
const listeners = new Set<() => void>()

function change(next: typeof messages): void {
  messages = next
  for (const listener of listeners) listener()
}

/** Shows a toast for a finished action. Failures appear next to their cause instead, in an `ErrorPanel`. */
export function toast(text: string, action?: Message['action']): void {
  change([...messages.slice(-2), { id: ++last, text, ...(action && { action }) }])
}

const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The container of all toasts, rendered once at the root. F8 focuses it. */
export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => messages)
  return (
    <Primitive.Provider duration={6000} label="Message">
      {shown.map(({ id, text, action }) => (
        <Primitive.Root
          key={id}
          // Long enough to notice the action. Radix pauses the timer while the pointer is over the toast.
          {...(action && { duration: 12_000 })}
          onOpenChange={(open) => open || change(messages.filter((message) => message.id !== id))}
          className="flex min-w-0 animate-arrive items-center gap-3 rounded-card bg-ink py-2 pr-2 pl-4 text-canvas shadow-float"
        >
          <Primitive.Description className="min-w-0 grow wrap-anywhere">{text}</Primitive.Description>
          {action && (
            <Primitive.Action asChild altText={action.name} onClick={action.run}>
              <Button size="small">{action.name}</Button>
            </Primitive.Action>
          )}
          <Primitive.Close
            aria-label="Dismiss"
            className="grid size-8 place-items-center rounded-field focus-visible:outline-canvas"
          >
            <X aria-hidden className="size-4" />
          </Primitive.Close>
        </Primitive.Root>
      ))}
      <Primitive.Viewport className="fixed right-0 bottom-0 z-50 grid w-full max-w-md gap-2 p-4 outline-none" />
    </Primitive.Provider>
  )
}
