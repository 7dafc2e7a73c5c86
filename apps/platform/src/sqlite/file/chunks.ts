/** Bytes of one chunk: one row, and so one row written, for every sixteen pages of a database. */
export const CHUNK_BYTES = 64 * 1024

/** Where files lie: chunks of `CHUNK_BYTES` under a file's number and their own. What was never put is zeroes. */
export interface Chunks {
  get(file: number, chunk: number): Uint8Array | undefined
  put(file: number, chunk: number, bytes: Uint8Array): void
  /** Forgets the chunks of a file from this one on. */
  drop(file: number, from: number): void
}
