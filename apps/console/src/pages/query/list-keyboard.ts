import type { KeyboardEvent } from 'react'

/**
 * Handles arrow keys in a list with a search field: from the field into the list, through it and back. Entries are
 * marked with `data-pick`.
 */
export function pickKeys(event: KeyboardEvent<HTMLElement>): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
  const field = event.currentTarget.querySelector<HTMLElement>('input[type=search]')
  const picks = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-pick]')]
  const active = document.activeElement as HTMLElement | null
  const index = active ? picks.indexOf(active) : -1
  if (index < 0 && active !== field) return
  event.preventDefault()
  const next = event.key === 'ArrowDown' ? picks[index + 1] : index > 0 ? picks[index - 1] : field
  next?.focus()
}
