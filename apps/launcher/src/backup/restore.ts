import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Transform } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { findDamage } from '../check-files.ts'
import { assertReadable } from '../data-format.ts'
import { DataInUseError, lockData } from '../data-lock.ts'
import { DamagedBackupError, type Manifest, toBackupId, toBlobName } from './manifest.ts'
import { writeRestore } from './restore-marker.ts'
import { matchesSecret } from './secret-hash.ts'
import type { BackupStore } from './store.ts'
import { UsageError } from './usage-error.ts'

export interface RestoreOptions {
  /** The data folder to fill. It must be missing or empty. */
  readonly data: string
  readonly store: BackupStore
  readonly manifest: Manifest
  /** The secret of the instance, if the environment sets it. */
  readonly secret: string | undefined
}

/**
 * Fills an empty data folder from a backup. Until everything is there and checked, the folder is marked as incomplete,
 * and no instance starts on it.
 * @throws UsageError if nothing was changed; DamagedBackupError
 */
export async function restore({ data, store, manifest, secret }: RestoreOptions): Promise<void> {
  await assertReadable(`Backup ${toBackupId(manifest.startedAt)}`, manifest.dataFormat)
  assertSecret(manifest, secret)
  await assertEmpty(data)
  await mkdir(data, { recursive: true, mode: 0o700 })
  const lock = await lockData(data).catch((cause: unknown) => {
    throw cause instanceof DataInUseError ? new UsageError(cause.message, { cause }) : cause
  })
  try {
    const { startedAt, dataFormat, deleted, objects, files } = manifest
    const marker = { id: randomUUID(), backup: toBackupId(startedAt), restoredAt: new Date().toISOString(), deleted }
    await writeRestore(data, { ...marker, state: 'incomplete' })
    for (const { path, sha256 } of files) {
      await writeFile(join(data, path), await readBlob(store, sha256, path), { mode: 0o600, flush: true })
    }
    for (const { path, sha256, name } of objects) await restoreObject(store, sha256, join(data, path), name)
    await writeFile(join(data, 'format.json'), `${JSON.stringify(dataFormat, null, 2)}\n`, { flush: true })
    await writeRestore(data, { ...marker, state: 'complete' })
  } finally {
    lock.release()
  }
}

/** @throws DamagedBackupError */
async function restoreObject(store: BackupStore, sha256: string, file: string, name: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await fetchBlob(store, sha256, file, name)
  const problem = findDamage(file, 'unused', 'quick_check')
  if (problem !== undefined) throw new DamagedBackupError(`The copy of ${name} is damaged: ${problem}`)
}

/** Writes a blob to a file and checks its hash. @throws DamagedBackupError */
export async function fetchBlob(store: BackupStore, sha256: string, file: string, name: string): Promise<void> {
  const source = await store.read(toBlobName(sha256))
  if (source === undefined) throw new DamagedBackupError(`The copy of ${name} is missing (${toBlobName(sha256)}).`)
  const digest = createHash('sha256')
  const hashing = new Transform({
    transform: (chunk, _, done) => {
      digest.update(chunk)
      done(null, chunk)
    },
  })
  await pipeline(source, hashing, createWriteStream(file, { mode: 0o600, flush: true }))
  if (digest.digest('hex') !== sha256) throw changed(sha256, name)
}

/** Reads a small blob and checks its hash. @throws DamagedBackupError */
export async function readBlob(store: BackupStore, sha256: string, name: string): Promise<Buffer> {
  const source = await store.read(toBlobName(sha256))
  if (source === undefined) throw new DamagedBackupError(`The copy of ${name} is missing (${toBlobName(sha256)}).`)
  const content = await buffer(source)
  if (createHash('sha256').update(content).digest('hex') !== sha256) throw changed(sha256, name)
  return content
}

const changed = (sha256: string, name: string) =>
  new DamagedBackupError(`The copy of ${name} was changed (${toBlobName(sha256)}).`)

async function assertEmpty(data: string): Promise<void> {
  let names: string[]
  try {
    names = await readdir(data)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return
    throw new UsageError(`Can't read ${data}: ${(cause as Error).message}`, { cause })
  }
  if (names.length === 0) return
  throw new UsageError(`${data} is not empty. Set PERSQL_DATA to a new folder, or empty this one, then restore again.`)
}

/** Checks the secret of an instance whose secret isn't in the backup. @throws UsageError */
function assertSecret({ secret: known }: Manifest, secret: string | undefined): void {
  if (known === undefined) return
  if (secret === undefined) {
    throw new UsageError(
      'The instance of this backup got its secret from PERSQL_SECRET. Set PERSQL_SECRET to that secret.',
    )
  }
  if (!matchesSecret(secret, known)) {
    throw new UsageError('PERSQL_SECRET is not the secret of the instance of this backup.')
  }
}
