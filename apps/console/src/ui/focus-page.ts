/** Gives the focus to the page instead of back, unless a dialog of that page has it already. */
export function focusPage(event: Event): void {
  event.preventDefault()
  const dialog = document.activeElement?.closest('[data-modal]')
  if (!dialog) document.getElementById('page')?.focus({ preventScroll: true })
}
