import { useSyncExternalStore } from 'react'

let wasRefused = false
const listeners = new Set<() => void>()

/** Notes that a call was refused because the balance is used up. */
export function noteEmptyBalance(): void {
  wasRefused = true
  for (const listener of listeners) listener()
}

/** Whether a call was refused because the balance is used up. */
export const useEmptyBalance = (): boolean =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => wasRefused,
  )
