/** The size of a chunk. Each chunk is one row, so one row is written per 16 database pages. */
export const CHUNK_BYTES = 64 * 1024

/** Storage for files, in chunks of `CHUNK_BYTES` by file number and chunk number. Missing chunks are zeros. */
export interface Chunks {
  get(file: number, chunk: number): Uint8Array | undefined
  put(file: number, chunk: number, bytes: Uint8Array): void
  /** Deletes the chunks of a file from this one on. */
  drop(file: number, from: number): void
}
