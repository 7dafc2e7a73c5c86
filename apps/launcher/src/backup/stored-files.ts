import { toBlobName } from './manifest.ts'
import type { FoundManifest } from './manifest-file.ts'
import type { BackupStore, BlobContent } from './store.ts'

/** The files that a backup counts on without looking for them. */
export type Trust =
  /** Those of the newest backup; `undefined` for a first backup. */
  | { readonly newest: FoundManifest | undefined }
  /** None: each file is stored again, also if the target has it. */
  | 'none'

/**
 * The files that a target has. The files of the newest backup are there: pruning keeps them, and deletes nothing while a lease
 * of a backup is held. The target is asked for any other file, one by one, so the number of requests depends on the changes
 * and not on the number of files. Without an earlier backup, one list has what an interrupted backup left.
 */
export class StoredFiles {
  /** The files that were stored, and their bytes. */
  readonly added = { files: 0, bytes: 0 }
  readonly #store: BackupStore
  readonly #names: Set<string>
  /** Returns whether the target has a file that isn't in `#names`. */
  readonly #ask: (name: string) => Promise<boolean>

  private constructor(store: BackupStore, names: Set<string>, ask: (name: string) => Promise<boolean>) {
    this.#store = store
    this.#names = names
    this.#ask = ask
  }

  /** Call it while the lease of a backup is held, and read the newest backup in that time too. */
  static async find(store: BackupStore, trust: Trust): Promise<StoredFiles> {
    const isMissing = async () => false
    if (trust === 'none') return new StoredFiles(store, new Set(), isMissing)
    if (trust.newest !== undefined) return new StoredFiles(store, nameFiles(trust.newest), (name) => store.has(name))
    const names = new Set<string>()
    for await (const { name } of store.list('files/')) names.add(name)
    return new StoredFiles(store, names, isMissing)
  }

  /** Stores content unless the target has it. */
  async keep(sha256: string, content: BlobContent, bytes: number): Promise<void> {
    const name = toBlobName(sha256)
    if (this.#names.has(name)) return
    if (!(await this.#ask(name))) {
      await this.#store.write(name, content)
      this.added.files++
      this.added.bytes += bytes
    }
    this.#names.add(name)
  }
}

/** Returns the names of all files that a backup needs. */
export function nameFiles({ manifest, list }: FoundManifest): Set<string> {
  const hashes = [...manifest.objects, ...manifest.files, ...(list ? [list] : [])].map(({ sha256 }) => sha256)
  return new Set(hashes.map(toBlobName))
}
