import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { BackupStore } from '../../store.ts'
import { StoreError } from '../store-error.ts'
import { checkBlobName, type StreamingStore, toContent } from '../streaming-store.ts'
import { deriveKeys, makeHeader, type TargetKeys } from './keys.ts'
import { seal, toContentBytes, unseal } from './sealed-blob.ts'
import { sealName, unsealName } from './sealed-names.ts'

const headerName = 'backup.json'
/** Blobs below this folder are named after their content, so their names are encrypted too. */
const secretFolder = 'files/'

/** Returns whether the blobs of a store are encrypted. */
export const isEncrypted = async (store: BackupStore): Promise<boolean> => (await readHeader(store)) !== undefined

/**
 * Encrypts the blobs of a store with a passphrase. Callers use the same names and see the same sizes as without. A blob
 * that was changed, cut off or stored with the name of another fails while it is read, with a `DamagedBlobError`.
 * @throws StoreError if the passphrase is wrong, or if the store has blobs that aren't encrypted
 */
export async function encryptStore(store: StreamingStore, passphrase: string): Promise<BackupStore> {
  const header = await readHeader(store)
  if (header === undefined) await refuseOthers(store)
  let keys = header === undefined ? undefined : await deriveKeys(passphrase, header)
  let starting: Promise<TargetKeys> | undefined

  /** Returns the keys for a write. The first write to an empty store creates them. */
  const keysToWrite = async (): Promise<TargetKeys> => {
    starting ??= start(store, passphrase).catch((cause: unknown) => {
      starting = undefined
      throw cause
    })
    keys ??= await starting
    return keys
  }

  return {
    has: async (name) => keys !== undefined && store.has(toStored(name, keys)),
    read: async (name) => {
      if (keys === undefined) return undefined
      const { content } = keys
      const sealed = await store.read(toStored(name, keys))
      return sealed && Readable.from(unseal(sealed, content, name), { objectMode: false })
    },
    write: async (name, file) => {
      checkBlobName(name)
      const current = keys ?? (await keysToWrite())
      await store.writeStream(toStored(name, current), seal(toContent(file), current.content, name))
    },
    delete: async (name) => {
      if (keys !== undefined) await store.delete(toStored(name, keys))
    },
    async *list(prefix) {
      if (keys === undefined) return
      for await (const blob of store.list(prefix.startsWith(secretFolder) ? secretFolder : prefix)) {
        const name = fromStored(blob.name, keys)
        if (name?.startsWith(prefix)) yield { name, bytes: toContentBytes(blob.bytes) }
      }
    },
  }
}

async function readHeader(store: BackupStore): Promise<string | undefined> {
  const header = await store.read(headerName)
  return header && text(header)
}

/** Gives an empty store its header. If another process was faster, its header counts. */
async function start(store: StreamingStore, passphrase: string): Promise<TargetKeys> {
  await store.create(headerName, await makeHeader(passphrase))
  const header = await readHeader(store)
  if (header === undefined) throw new StoreError(`${headerName} of the target was deleted. Run the command again.`)
  return deriveKeys(passphrase, header)
}

async function refuseOthers(store: BackupStore): Promise<void> {
  for (const prefix of [secretFolder, 'backups/']) {
    for await (const _ of store.list(prefix)) {
      throw new StoreError(
        'The target has backups without encryption. Omit --passphrase-file, or choose an empty target for encrypted backups.',
      )
    }
  }
}

function toStored(name: string, keys: TargetKeys): string {
  checkBlobName(name)
  if (name === headerName) throw new Error(`${headerName} is reserved for the keys of the target.`)
  return name.startsWith(secretFolder)
    ? `${secretFolder}${sealName(name.slice(secretFolder.length), keys.names)}`
    : name
}

/** Returns undefined for blobs that callers don't know. */
function fromStored(stored: string, keys: TargetKeys): string | undefined {
  if (stored === headerName) return undefined
  if (!stored.startsWith(secretFolder)) return stored
  const name = unsealName(stored.slice(secretFolder.length), keys.names)
  return name === undefined ? undefined : `${secretFolder}${name}`
}
