import { crc32 } from 'node:zlib'
import { type Listed, type Paging, PerSQLError } from '@persql/contract'
import type * as z from 'zod'

/** How a list is ordered: by keys that no two items share, so that a page can begin behind an item that is gone. */
export interface Order<T, K extends Key> {
  /** Names the list: a cursor of another list is refused. */
  readonly name: string
  /** What a key consists of. Cursors come from callers. */
  readonly key: z.ZodType<K>
  readonly keyOf: (item: T) => K
  /** How much of a page an item takes, in characters, where items can be large. */
  readonly sizeOf?: (item: T) => number
}
type Key = readonly (string | number)[]

const STANDARD_SIZE = 100
/** Items are read in steps, so that a page of large ones ends early without all of them having been read. */
const STEP = 100
const MAX_CHARACTERS = 8_000_000

/**
 * Reads a page of a list, or the whole list when neither a size nor a cursor is given. No item is on
 * two pages, and no item that stays in the list is missed, also when items are created or deleted between them.
 * @param read returns at most `limit` items behind the key `after`, in order; all of them without a limit
 * @throws PerSQLError `invalid_input` for a cursor that this list has not given
 */
export function readPage<T, K extends Key>(
  order: Order<T, K>,
  { pageSize, cursor }: Paging,
  read: (after: K | undefined, limit: number | undefined) => T[],
  total: number,
): Listed<T> {
  if (pageSize === undefined && cursor === undefined)
    return { items: read(undefined, undefined), nextCursor: null, total }
  const limit = pageSize ?? STANDARD_SIZE
  const items: T[] = []
  let after = cursor === undefined ? undefined : parseCursor(order, cursor)
  for (let size = 0; items.length < limit; ) {
    const step = Math.min(STEP, limit - items.length)
    // One item more than needed shows whether there is a next page.
    const found = read(after, step + 1)
    for (const item of found.slice(0, step)) {
      size += order.sizeOf?.(item) ?? 0
      if (size > MAX_CHARACTERS && after !== undefined && items.length > 0) {
        return { items, nextCursor: formatCursor(order, after), total }
      }
      items.push(item)
      after = order.keyOf(item)
    }
    if (found.length <= step) return { items, nextCursor: null, total }
  }
  return { items, nextCursor: after === undefined ? null : formatCursor(order, after), total }
}

/** Reads a page of a list that is short enough to be sorted in memory. @throws PerSQLError `invalid_input` */
export function pageOf<T, K extends Key>(
  order: Order<T, K> & { readonly compare: (a: K, b: K) => number },
  paging: Paging,
  all: readonly T[],
): Listed<T> {
  const { keyOf, compare } = order
  const sorted = all.toSorted((a, b) => compare(keyOf(a), keyOf(b)))
  const read = (after: K | undefined, limit: number | undefined) =>
    (after === undefined ? sorted : sorted.filter((item) => compare(keyOf(item), after) > 0)).slice(0, limit)
  return readPage(order, paging, read, all.length)
}

/** Returns the page with something else in the place of each item. */
export const mapPage = <T, U>({ items, ...rest }: Listed<T>, to: (item: T) => U): Listed<U> => ({
  ...rest,
  items: items.map(to),
})

/** Compares texts by their code units and numbers by their size, part by part. */
export function compareKeys(a: Key, b: Key): number {
  const i = a.findIndex((part, at) => part !== b[at])
  return i < 0 ? 0 : (a[i] as string) < (b[i] as string) ? -1 : 1
}

/** Formats a key as a cursor, with a checksum over it and the name of the list. */
function formatCursor<T, K extends Key>({ name }: Order<T, K>, key: K): string {
  const text = JSON.stringify(key)
  return new TextEncoder().encode(checksum(name, text) + text).toBase64({ alphabet: 'base64url', omitPadding: true })
}

function parseCursor<T, K extends Key>(order: Order<T, K>, cursor: string): K {
  try {
    const content = new TextDecoder().decode(Uint8Array.fromBase64(cursor, { alphabet: 'base64url' }))
    const key = order.key.parse(JSON.parse(content.slice(CHECKSUM_LENGTH)))
    if (formatCursor(order, key) === cursor) return key
  } catch {
    // Not a cursor of this platform: the caller gets the same answer for every reason.
  }
  const problem = 'Invalid cursor. Pass "nextCursor" of the previous page to the same list, unchanged.'
  throw new PerSQLError('invalid_input', { problem }, { extra: { fields: { cursor: problem } } })
}

const CHECKSUM_LENGTH = 8
const checksum = (name: string, text: string) => crc32(`${name}\n${text}`).toString(16).padStart(CHECKSUM_LENGTH, '0')
