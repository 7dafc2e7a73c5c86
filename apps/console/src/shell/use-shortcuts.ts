import { useEffect } from 'react'
import { isCommand } from '../ui/kbd.tsx'

/** The action of a shortcut that works on every page. */
export type ShortcutAction = 'palette' | 'keys'

const TYPING = 'input, textarea, select, [contenteditable], [role=grid], [role=textbox]'

/** Listens for global shortcuts. Single letters are ignored in fields, in grids and while a dialog is open. */
export function useShortcuts(ask: (asked: ShortcutAction) => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const asked = askedBy(event)
      if (asked === undefined) return
      event.preventDefault()
      ask(asked)
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [ask])
}

function askedBy(event: KeyboardEvent): ShortcutAction | undefined {
  if (event.defaultPrevented || event.isComposing) return undefined
  const isOverPage = document.querySelector('[data-modal]') !== null
  if (event.key.toLowerCase() === 'k' && isCommand(event)) return isOverPage ? undefined : 'palette'
  const isTyping = event.target instanceof Element && event.target.closest(TYPING) !== null
  if (event.key === '?' && !event.ctrlKey && !event.metaKey && !isTyping && !isOverPage) return 'keys'
  return undefined
}
