import { createReadStream } from 'node:fs'
import type { BackupStore, BlobContent } from '../store.ts'

/** A store that also takes content which is made while it is stored. Encryption needs no file in between. */
export interface StreamingStore extends BackupStore {
  /** Like `write`. If the content fails, the name doesn't appear. */
  writeStream(name: string, content: AsyncIterable<Uint8Array>): Promise<void>
  /**
   * Writes a small blob unless its name exists, and returns whether it was written. The result can be false although this
   * call wrote the blob, so read it afterwards.
   */
  create(name: string, text: string): Promise<boolean>
}

const readBytes = 256 * 1024

/** Streams the content of a `write`. Opens the file when the first byte is read. */
export async function* toContent(file: BlobContent): AsyncGenerator<Uint8Array> {
  if ('text' in file) yield Buffer.from(file.text)
  else if ('bytes' in file) yield file.bytes
  else yield* createReadStream(file.path, { highWaterMark: readBytes })
}

const segment = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/

/** Returns whether a text is the name of a blob. No segment starts with a dot, so a name can't leave its folder. */
export const isBlobName = (name: string): boolean => name.split('/').every((part) => segment.test(part))

/** @throws Error if the text isn't the name of a blob */
export function checkBlobName(name: string): void {
  if (!isBlobName(name)) throw new Error(`Invalid name of a blob: ${JSON.stringify(name)}.`)
}
