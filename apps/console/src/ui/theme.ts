import { useSyncExternalStore } from 'react'

/** What colours are taken: those of the system, or of somebody's own choice. */
export type Theme = 'system' | 'light' | 'dark'

const KEY = 'persql.theme'
const listeners = new Set<() => void>()
const read = (): Theme => (localStorage.getItem(KEY) as Theme | null) ?? 'system'

/** Applies the choice of earlier. */
export function applyTheme(): void {
  const theme = read()
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

/** Chooses, here and for later. */
export function chooseTheme(theme: Theme): void {
  if (theme === 'system') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, theme)
  applyTheme()
  for (const listener of listeners) listener()
}

/** The choice as it is. */
export const useTheme = (): Theme =>
  useSyncExternalStore((listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }, read)
