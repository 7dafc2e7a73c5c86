import { FixedWindowCounter } from '../rest/flood-control.ts'

/** How much may be taken of one key. */
export interface Limit {
  readonly key: string
  readonly by: number
  readonly most: number
}

/** Counts what the sockets of this process take. On one machine, each cell is a process. */
export class Counts {
  readonly #counts = new Map<string, number>()

  /** Takes from all keys, and returns a function that gives it back once. Takes nothing and returns `undefined` if one is full. */
  take(limits: readonly Limit[]): (() => void) | undefined {
    if (limits.some(({ key, by, most }) => (this.#counts.get(key) ?? 0) + by > most)) return undefined
    for (const { key, by } of limits) this.#add(key, by)
    let isTaken = true
    return () => {
      if (isTaken) for (const { key, by } of limits) this.#add(key, -by)
      isTaken = false
    }
  }

  #add(key: string, by: number): void {
    const count = (this.#counts.get(key) ?? 0) + by
    if (count === 0) this.#counts.delete(key)
    else this.#counts.set(key, count)
  }
}

const MB = 1024 * 1024
/** The most sockets of this process, of a namespace, and of a token in one database. */
const MAX_SOCKETS = 2_000
const MAX_OF_NAMESPACE = 200
const MAX_OF_TOKEN = 50
/** The most sockets of an IP address that haven't authenticated yet. */
const MAX_UNKNOWN = 50
/** The most bytes of results that open cursors keep, in this process and of a namespace. */
const MAX_CURSOR_BYTES = 256 * MB
const MAX_CURSOR_BYTES_OF_NAMESPACE = 64 * MB

const counts = new Counts()

/** Messages that need no call of a database don't count as requests, but take time. A statement has about three messages. */
const MESSAGES_PER_REQUEST = 10
const messages = new FixedWindowCounter(60_000)

/** Counts a message of an IP address. Returns whether it sent too many this minute. */
export const isFlooding = (network: string, requestsPerMinute: number, nowMs: number): boolean =>
  messages.waitS(network, requestsPerMinute * MESSAGES_PER_REQUEST, nowMs) > 0

/** Counts a socket of an IP address until it authenticates. */
export const takeUnknown = (network: string) =>
  counts.take([
    { key: `unknown ${network}`, by: 1, most: MAX_UNKNOWN },
    { key: 'unknown', by: 1, most: MAX_SOCKETS },
  ])

/** Counts a socket of a token. */
export const takeSocket = (ns: string, db: string, tokenId: string) =>
  counts.take([
    { key: `token ${ns}/${db} ${tokenId}`, by: 1, most: MAX_OF_TOKEN },
    { key: `sockets ${ns}`, by: 1, most: MAX_OF_NAMESPACE },
    { key: 'sockets', by: 1, most: MAX_SOCKETS },
  ])

/** Counts the memory of a cursor. */
export const takeCursor = (ns: string, bytes: number) =>
  counts.take([
    { key: `cursors ${ns}`, by: bytes, most: MAX_CURSOR_BYTES_OF_NAMESPACE },
    { key: 'cursors', by: bytes, most: MAX_CURSOR_BYTES },
  ])
