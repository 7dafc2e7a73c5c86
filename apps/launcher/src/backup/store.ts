import type { Readable } from 'node:stream'

/** The content of a blob to write. */
export type BlobContent = { readonly path: string } | { readonly text: string } | { readonly bytes: Uint8Array }

/** Keeps a backup: blobs by name. Names are `/`-separated, of `[A-Za-z0-9._-]`. */
export interface BackupStore {
  list(prefix: string): AsyncIterable<{ readonly name: string; readonly bytes: number }>
  /** Returns whether the blob exists. It costs one request, however many blobs there are. */
  has(name: string): Promise<boolean>
  /** Returns undefined if the blob is missing. */
  read(name: string): Promise<Readable | undefined>
  /** The name appears only when the whole blob is stored. */
  write(name: string, content: BlobContent): Promise<void>
  delete(name: string): Promise<void>
}
