import type { Snapshot } from '@persql/contract'

/** Finds the newest snapshot that isn't newer than a time, and the first one after it. */
export function around(
  snapshots: readonly Snapshot[],
  atMs: number,
): { before: Snapshot | undefined; after: Snapshot | undefined } {
  const inOrder = [...snapshots].sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt))
  const before = inOrder.find(({ createdAt }) => Date.parse(createdAt) <= atMs)
  const after = inOrder.findLast(({ createdAt }) => Date.parse(createdAt) > atMs)
  return { before, after }
}

/** Formats a time for a `datetime-local` field, with seconds. */
export function localText(atMs: number): string {
  const date = new Date(atMs)
  const local = new Date(atMs - date.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 19)
}

/** Parses such a field to the end of its second or minute. Returns `undefined` if it is invalid. */
export function parseLocalTime(text: string): number | undefined {
  const ms = new Date(text).getTime()
  if (Number.isNaN(ms)) return undefined
  return ms + (text.length > 16 ? 999 : 59_999)
}
