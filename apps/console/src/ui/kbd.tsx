import type { ReactNode } from 'react'

const isMac = () => /Mac|iP(hone|ad|od)/.test(navigator.platform)

/** Returns the name of the command key on this platform. */
export const commandKey = (): string => (isMac() ? '⌘' : 'Ctrl')

/** Returns whether the command key is pressed without other modifiers. */
export const isCommand = ({ ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): boolean =>
  !altKey && !shiftKey && (isMac() ? metaKey && !ctrlKey : ctrlKey && !metaKey)

/** A key, as printed on the keyboard. */
export const Kbd = ({ children }: { children: ReactNode }) => (
  <kbd className="inline-flex h-5 min-w-5 shrink-0 items-center justify-center rounded border border-line bg-canvas px-1 font-sans text-xs text-muted">
    {children}
  </kbd>
)
