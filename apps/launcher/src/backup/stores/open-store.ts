import type { BackupStore } from '../store.ts'
import { encryptStore, isEncrypted } from './encryption/encrypted-store.ts'
import { openFolderStore } from './folder-store.ts'
import { parseS3Settings } from './s3-settings.ts'
import { openS3Store } from './s3-store.ts'
import { StoreError } from './store-error.ts'
import { parseTarget } from './target.ts'

export interface StoreSettings {
  /** Variables with the keys, the region and the endpoint of S3-compatible storage. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Encrypts the backups, or decrypts those of an encrypted target. */
  readonly passphrase?: string
}

/**
 * Opens a target of backups: the path of a folder, or `s3://bucket/prefix`.
 * @throws StoreError if the target is invalid, can't be reached, or is encrypted with another passphrase
 */
export async function openStore(target: string, { environment, passphrase }: StoreSettings): Promise<BackupStore> {
  const place = parseTarget(target)
  if (place === undefined) {
    throw new StoreError(`Invalid target "${target}". Expected the path of a folder, or s3://bucket/prefix.`)
  }
  const isS3 = place.startsWith('s3://')
  const store = isS3 ? await openS3Store(parseS3Settings(place, environment)) : openFolderStore(place)
  if (passphrase !== undefined) return encryptStore(store, passphrase)
  if (await isEncrypted(store)) {
    throw new StoreError(`${target} is encrypted. Pass the file with its passphrase as --passphrase-file.`)
  }
  return store
}
