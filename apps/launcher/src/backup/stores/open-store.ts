import type { BackupStore } from '../store.ts'
import { encryptStore, isEncrypted } from './encryption/encrypted-store.ts'
import { openFolderStore } from './folder-store.ts'
import { parseS3Settings } from './s3-settings.ts'
import { openS3Store } from './s3-store.ts'
import { StoreError } from './store-error.ts'

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
  const [scheme] = /^[a-z][a-z0-9+.-]+:\/\//i.exec(target) ?? []
  if (target === '' || (scheme !== undefined && scheme !== 's3://')) {
    throw new StoreError(`Invalid target "${target}". Expected the path of a folder, or s3://bucket/prefix.`)
  }
  const store = scheme ? await openS3Store(parseS3Settings(target, environment)) : openFolderStore(target)
  if (passphrase !== undefined) return encryptStore(store, passphrase)
  if (await isEncrypted(store)) {
    throw new StoreError(`${target} is encrypted. Pass the file with its passphrase as --passphrase-file.`)
  }
  return store
}
