import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { programVersion, readDataStamp } from '../data-format.ts'
import { findUse, objectFile, readFile } from '../object-files.ts'
import { copyConsistently } from './consistent-copy.ts'
import { InstanceCopy } from './instance-copy.ts'
import type { Manifest } from './manifest.ts'
import { type FoundManifest, findNewest, storeObjects, writeManifest } from './manifest-file.ts'
import { readDirectory } from './object-facts.ts'
import { readRestore } from './restore-marker.ts'
import { withBackupLease } from './retention/lease.ts'
import { hashSecret } from './secret-hash.ts'
import type { BackupStore } from './store.ts'
import { StoredFiles } from './stored-files.ts'
import { withTemporaryFolder } from './temporary-folder.ts'
import { UsageError } from './usage-error.ts'

/** The oldest data format whose tables this program reads without a migration. */
const oldestFormat = 4

export interface BackupOptions {
  /** The data folder of a running or stopped instance. */
  readonly data: string
  readonly store: BackupStore
  /** The secret of the instance, if the environment sets it. */
  readonly secret: string | undefined
  /** Whether to store all files again, because the target could have lost or changed some. */
  readonly isFull?: boolean
}

/** A finished backup. */
export interface BackupResult extends FoundManifest {
  /** The number of files that the target didn't have, and their bytes. */
  readonly added: { readonly files: number; readonly bytes: number }
}

/**
 * Copies an instance, which can run, to a target. Everything that was acknowledged before the call is in the backup. The
 * files of damaged objects are missing in it and listed in the manifest.
 * @throws UsageError
 */
export async function backUp({ data, store, secret, isFull = false }: BackupOptions): Promise<BackupResult> {
  const startedAt = new Date().toISOString()
  const dataFormat = await readDataStamp(data)
  if (dataFormat === undefined || !existsSync(objectFile(data, 'directory', 'directory'))) {
    throw new UsageError(`${data} has no data of PerSQL. Set PERSQL_DATA to the data folder.`)
  }
  if (dataFormat.format < oldestFormat) {
    throw new UsageError(
      `${data} was written by PerSQL ${dataFormat.writtenBy}. Start this version on it once, then create a backup.`,
    )
  }
  if (readRestore(data) !== undefined) {
    throw new UsageError(`${data} was restored and not started since. Start PerSQL once, then create a backup.`)
  }
  return withTemporaryFolder(data, 'backup', (folder) =>
    // Until the manifest names them, pruning could delete files that the target has and the backup counts on.
    withBackupLease(store, async (lease) => {
      const newest = isFull ? undefined : await findNewest(store)
      const stored = await StoredFiles.find(store, isFull ? 'none' : { newest })
      const copy = new InstanceCopy({ data, files: stored, folder, known: newest?.manifest.objects ?? [] })
      const directory = readFile(objectFile(data, 'directory', 'directory'), readDirectory, await findUse(data))
      await copyConsistently(
        copy,
        directory.map(({ slug }) => slug),
      )
      const files = await copyFiles(stored, data)
      const manifest: Manifest = {
        startedAt,
        endedAt: new Date().toISOString(),
        writtenBy: programVersion,
        dataFormat,
        cells: dataFormat.cells ?? 1,
        objects: copy.objects,
        files,
        ...(secret !== undefined && { secret: hashSecret(secret) }),
        deleted: copy.deleted,
        damaged: copy.damaged,
      }
      const list = await storeObjects(manifest.objects, newest?.list, (...blob) => stored.keep(...blob))
      lease.assertHeld()
      await writeManifest(store, { manifest, list })
      return { manifest, list, added: stored.added }
    }),
  )
}

/** Copies the files beside the objects. */
async function copyFiles(stored: StoredFiles, data: string): Promise<Manifest['files']> {
  const files: Manifest['files'] = []
  for (const path of ['secret', 'bootstrap.json'] as const) {
    if (!existsSync(join(data, path))) continue
    const content = readFileSync(join(data, path), 'utf8')
    const sha256 = createHash('sha256').update(content).digest('hex')
    await stored.keep(sha256, { text: content }, Buffer.byteLength(content))
    files.push({ path, sha256, bytes: Buffer.byteLength(content) })
  }
  return files
}
