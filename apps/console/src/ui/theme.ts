import { useSyncExternalStore } from 'react'

/** The color theme: the system's, or the user's choice. */
export type Theme = 'system' | 'light' | 'dark'

const KEY = 'persql.theme'
const listeners = new Set<() => void>()
const read = (): Theme => (localStorage.getItem(KEY) as Theme | null) ?? 'system'

/** Applies the stored theme. */
export function applyTheme(): void {
  const theme = read()
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

/** Applies and stores a theme. */
export function chooseTheme(theme: Theme): void {
  if (theme === 'system') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, theme)
  applyTheme()
  for (const listener of listeners) listener()
}

/** Returns the stored theme. */
export const useTheme = (): Theme =>
  useSyncExternalStore((listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }, read)
