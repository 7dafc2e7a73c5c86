import type { ReactNode } from 'react'

const isMac = () => /Mac|iP(hone|ad|od)/.test(navigator.platform)

/** What the key for commands is called on this machine. */
export const commandKey = (): string => (isMac() ? '⌘' : 'Ctrl')

/** Whether the key for commands is held, and no other that changes what a key means. */
export const isCommand = ({ ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): boolean =>
  !altKey && !shiftKey && (isMac() ? metaKey && !ctrlKey : ctrlKey && !metaKey)

/** A key, as it is written on the keyboard. */
export const Kbd = ({ children }: { children: ReactNode }) => (
  <kbd className="inline-flex h-5 min-w-5 items-center justify-center rounded border border-line bg-canvas px-1 font-sans text-xs text-muted">
    {children}
  </kbd>
)
