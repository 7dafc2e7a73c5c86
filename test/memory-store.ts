import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { BackupStore, BlobContent } from '../apps/launcher/src/backup/store.ts'

/** A store in memory, whose calls first wait for `turn`. A list shows the state at its beginning. */
export class MemoryStore implements BackupStore {
  blobs = new Map<string, string | Uint8Array>()
  readonly #turn: () => Promise<void>

  constructor(turn: () => Promise<void> = async () => {}) {
    this.#turn = turn
  }

  async *list(prefix: string): AsyncGenerator<{ name: string; bytes: number }> {
    await this.#turn()
    const found = [...this.blobs].filter(([name]) => name.startsWith(prefix))
    for (const [name, content] of found) yield { name, bytes: Buffer.byteLength(content) }
  }

  async has(name: string): Promise<boolean> {
    await this.#turn()
    return this.blobs.has(name)
  }

  async read(name: string): Promise<Readable | undefined> {
    await this.#turn()
    const content = this.blobs.get(name)
    return content === undefined ? undefined : Readable.from([Buffer.from(content)])
  }

  async write(name: string, file: BlobContent): Promise<void> {
    const content = 'text' in file ? file.text : 'bytes' in file ? file.bytes : await readFile(file.path, 'utf8')
    await this.#turn()
    this.blobs.set(name, content)
  }

  async delete(name: string): Promise<void> {
    await this.#turn()
    this.blobs.delete(name)
  }
}
