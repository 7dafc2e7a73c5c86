import { PerSQLError } from '@persql/contract'

/** The length of a log past which no further reader starts until SQLite overwrites the log from its start. */
const MAX_BYTES = 64 * 1024 * 1024
const HEADER_BYTES = 32
const FRAME_BYTES = 24 + 4_096
const ATTEMPTS = 5
const LONG_LOG = 'Recent writes of this database are still being copied into its file.'

/** Returns the response to a request for part of a file of an object. */
export type FetchFile = (suffix: string, init: RequestInit) => Promise<Response>

/**
 * Waits until the write-ahead log of a database is short. While readers follow each other, SQLite can't overwrite it.
 * The caller makes sure that no reader runs.
 * @param write writes something small and waits until it is on disk
 * @throws PerSQLError `too_busy` if the log stays long
 */
export async function trimLog(fetchFile: FetchFile, write: () => Promise<void>): Promise<void> {
  for (let attempt = 0; await isLogLong(fetchFile); attempt++) {
    if (attempt === ATTEMPTS) throw new PerSQLError('too_busy', { problem: LONG_LOG, seconds: 1 })
    // A commit copies the log into the database, and the next one overwrites the log from its start.
    await write()
    await write()
  }
}

/** Returns whether the log has more than `MAX_BYTES` that are in use. Its file never becomes shorter. */
async function isLogLong(fetchFile: FetchFile): Promise<boolean> {
  const head = await fetchFile('-wal', { method: 'HEAD' })
  if (!head.ok || Number(head.headers.get('Content-Length')) < MAX_BYTES) return false
  const frame = HEADER_BYTES + Math.floor((MAX_BYTES - HEADER_BYTES) / FRAME_BYTES - 1) * FRAME_BYTES
  const [header, last] = await Promise.all([
    readBytes(fetchFile, 16, 8), // the salts of the log
    readBytes(fetchFile, frame + 8, 8), // the salts of a frame, which are older ones if the log was overwritten since
  ])
  return header !== undefined && header === last
}

async function readBytes(fetchFile: FetchFile, from: number, count: number): Promise<string | undefined> {
  const response = await fetchFile('-wal', { headers: { Range: `bytes=${from}-${from + count - 1}` } })
  const bytes = response.status === 206 ? await response.bytes() : undefined
  return bytes?.length === count ? bytes.toHex() : undefined
}
