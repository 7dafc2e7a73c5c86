import { useSyncExternalStore } from 'react'

let wasRefused = false
const listeners = new Set<() => void>()

/** Records that a call was refused because the balance is empty. */
export function noteEmptyBalance(): void {
  wasRefused = true
  for (const listener of listeners) listener()
}

/** Returns whether a call was refused because the balance is empty. */
export const useEmptyBalance = (): boolean =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => wasRefused,
  )
