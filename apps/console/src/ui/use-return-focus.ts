import { useRef } from 'react'

/**
 * Where the focus goes when a dialog closes: to the page, if that is another one now; else to where it was. Radix itself
 * gives it back to a trigger only, and most dialogs here are opened by an address or a key.
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
      // A button that is gone with what it was for leaves the page.
      const isGone = element !== null && !element.isConnected
      const to = hasMoved || isGone ? document.getElementById('page') : element
      // A dialog of the page one was led to may have the focus already.
      if (document.activeElement?.closest('[data-modal]')) return event.preventDefault()
      if (!(to instanceof HTMLElement && to.isConnected && to !== document.body)) return
      event.preventDefault()
      to.focus({ preventScroll: true })
    },
  }
}
