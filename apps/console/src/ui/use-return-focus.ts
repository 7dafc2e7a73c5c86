import { useRef } from 'react'

/**
 * Returns the handlers that move the focus when a dialog closes: to the page if it changed, or else to the previous
 * element. Radix restores the focus to a trigger only, and most dialogs here open from a URL or a key.
 */
export function useReturnFocus() {
  const from = useRef<{ element: Element | null; pathname: string }>({ element: null, pathname: '' })
  return {
    opened: () => {
      from.current = { element: document.activeElement, pathname: location.pathname }
    },
    closed: (event: Event) => {
      const { element, pathname } = from.current
      const hasMoved = pathname !== location.pathname
      // The button was removed together with its object: focus the page.
      const isGone = element !== null && !element.isConnected
      const to = hasMoved || isGone ? document.getElementById('page') : element
      // A dialog on the new page may already have the focus.
      if (document.activeElement?.closest('[data-modal]')) return event.preventDefault()
      if (!(to instanceof HTMLElement && to.isConnected && to !== document.body)) return
      event.preventDefault()
      to.focus({ preventScroll: true })
    },
  }
}
