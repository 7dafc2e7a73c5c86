import { crc32 } from 'node:zlib'
import { type Listed, type Paging, PerSQLError } from '@persql/contract'
import type * as z from 'zod'

/** The order of a list. Its keys are unique, so a page can continue after an item that was deleted. */
export interface Order<T, K extends Key> {
  /** The name of the list. A cursor is valid for this list only. */
  readonly name: string
  /** The schema of a key. Cursors come from callers, so their keys are validated. */
  readonly key: z.ZodType<K>
  readonly toKey: (item: T) => K
  /** The size of an item in characters, for lists whose items can be large. */
  readonly measure?: (item: T) => number
}
type Key = readonly (string | number)[]

const STANDARD_SIZE = 100
/** Large items are read in steps, so their page ends early without reading all of them. */
const STEP = 100
const MAX_CHARACTERS = 8_000_000

/**
 * Reads a page of a list, or the whole list if the request has neither a page size nor a cursor. Pages never repeat an
 * item or skip one that stays in the list, even if items are created or deleted between two requests.
 * @param read returns at most `limit` items after the key `after`, in order; without a limit, all of them
 * @throws PerSQLError `invalid_input` for a cursor of another list
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
    const step = Math.min(order.measure ? STEP : limit, limit - items.length)
    // Read one more item than needed, to know whether there is a next page.
    const found = read(after, step + 1)
    for (const item of found.slice(0, step)) {
      size += order.measure?.(item) ?? 0
      if (size > MAX_CHARACTERS && after !== undefined && items.length > 0) {
        return { items, nextCursor: formatCursor(order, after), total }
      }
      items.push(item)
      after = order.toKey(item)
    }
    if (found.length <= step) return { items, nextCursor: null, total }
  }
  return { items, nextCursor: after === undefined ? null : formatCursor(order, after), total }
}

/** Returns a page of a list that is short enough to sort in memory. @throws PerSQLError `invalid_input` */
export function listPage<T, K extends Key>(
  order: Order<T, K> & { readonly compare: (a: K, b: K) => number },
  paging: Paging,
  all: readonly T[],
): Listed<T> {
  const { toKey, compare } = order
  const sorted = all.toSorted((a, b) => compare(toKey(a), toKey(b)))
  const read = (after: K | undefined, limit: number | undefined) =>
    (after === undefined ? sorted : sorted.filter((item) => compare(toKey(item), after) > 0)).slice(0, limit)
  return readPage(order, paging, read, all.length)
}

/** Returns the page with each item converted. */
export const mapPage = <T, U>({ items, ...rest }: Listed<T>, to: (item: T) => U): Listed<U> => ({
  ...rest,
  items: items.map(to),
})

/** Compares keys part by part: strings by code units, numbers by value. */
export function compareKeys(a: Key, b: Key): number {
  const i = a.findIndex((part, at) => part !== b[at])
  return i < 0 ? 0 : (a[i] as string) < (b[i] as string) ? -1 : 1
}

/** Formats a key as a cursor, with a checksum over the key and the list's name. */
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
    // Not a valid cursor. The error is the same for every reason.
  }
  const problem =
    'Invalid cursor. Pass "nextCursor" of the previous page unchanged, to the same list in the same order.'
  throw new PerSQLError('invalid_input', { problem }, { extra: { fields: { cursor: problem } } })
}

const CHECKSUM_LENGTH = 8
const checksum = (name: string, text: string) => crc32(`${name}\n${text}`).toString(16).padStart(CHECKSUM_LENGTH, '0')
