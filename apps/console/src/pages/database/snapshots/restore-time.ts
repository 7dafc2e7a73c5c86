import type { Snapshot } from '@persql/contract'

/** The snapshots around a moment: the one it means, which is not newer, and the next one after it. */
export function around(
  snapshots: readonly Snapshot[],
  atMs: number,
): { before: Snapshot | undefined; after: Snapshot | undefined } {
  const inOrder = [...snapshots].sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt))
  const before = inOrder.find(({ createdAt }) => Date.parse(createdAt) <= atMs)
  const after = inOrder.findLast(({ createdAt }) => Date.parse(createdAt) > atMs)
  return { before, after }
}

/** A moment as a field for local time has it, to the second. */
export function localText(atMs: number): string {
  const date = new Date(atMs)
  const local = new Date(atMs - date.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 19)
}

/** The end of the second, or of the minute, that such a field names; nothing when it names none. */
export function momentOf(text: string): number | undefined {
  const ms = new Date(text).getTime()
  if (Number.isNaN(ms)) return undefined
  return ms + (text.length > 16 ? 999 : 59_999)
}
