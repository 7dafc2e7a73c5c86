import { useSyncExternalStore } from 'react'

let isEmpty = false
const listeners = new Set<() => void>()

/** Notes that a call was refused because the balance is used up, or that this is over. */
export function showEmptyBalance(empty: boolean): void {
  isEmpty = empty
  for (const listener of listeners) listener()
}

/** Whether a call was refused because the balance is used up. */
export const useEmptyBalance = (): boolean =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => isEmpty,
  )
