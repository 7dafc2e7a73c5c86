import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findOutdatedStamp } from '../data-format.ts'
import { recordBackup } from '../last-backup.ts'
import { objectFile } from '../object-files.ts'
import type { Settings } from '../settings.ts'
import { backUp } from './backup.ts'
import { toBackupId } from './manifest.ts'
import { readRestore } from './restore-marker.ts'
import { readPassphrase } from './stores/encryption/passphrase.ts'
import { openStore } from './stores/open-store.ts'
import { parseTarget } from './stores/target.ts'

const option = '--backup-first'

/** The option `--backup-first`: the target that it names, or that of the settings. */
export interface BackupFirst {
  readonly target: string | undefined
}

/** Reads `--backup-first` or `--backup-first=<target>`; `undefined` for another argument. @throws Error for an invalid target */
export function parseBackupFirst(argument: string): BackupFirst | undefined {
  if (argument === option) return { target: undefined }
  if (!argument.startsWith(`${option}=`)) return undefined
  const text = argument.slice(option.length + 1)
  const target = parseTarget(text)
  if (target === undefined) {
    throw new Error(`Invalid target "${text}" of ${option}. Expected the path of a folder, or s3://bucket/prefix.`)
  }
  return { target }
}

/**
 * Creates a backup if the last start on the data folder was by an older version, whose data this start would convert. Call it
 * while this process holds the folder and before anything in it changes. Returns a line for the operator; `undefined`
 * without a backup.
 * @throws Error with a message for the operator if the backup isn't complete. The data is unchanged then.
 */
export async function backUpFirst({ target: named }: BackupFirst, settings: Settings): Promise<string | undefined> {
  const { PERSQL_DATA: data, PERSQL_BACKUP_PASSPHRASE_FILE: file, PERSQL_SECRET: secret } = settings
  const target = named ?? settings.PERSQL_BACKUP
  if (target === undefined) {
    throw new Error(`${option} requires a target. Set PERSQL_BACKUP, or pass ${option}=<folder or s3://bucket/prefix>.`)
  }
  const found = await findOutdatedStamp(data)
  // A restored folder has the content of a backup.
  if (found === undefined || readRestore(data) !== undefined || !hasObjects(data)) return undefined
  const startedAt = new Date()
  try {
    const passphrase = file === undefined ? undefined : await readPassphrase(file)
    const store = await openStore(target, { environment: process.env, ...(passphrase !== undefined && { passphrase }) })
    const { manifest } = await backUp({ data, store, secret })
    const { damaged } = manifest
    if (damaged.length > 0) {
      const lines = damaged.map(({ name, path, problem }) => `${name}: not copied. ${join(data, path)}: ${problem}`)
      throw new Error([...lines, `To start with these files as they are, start without ${option}.`].join('\n'))
    }
    await recordBackup(data, startedAt)
    return `Backup ${toBackupId(manifest.startedAt)} in ${target} has the data of PerSQL ${found.writtenBy}.`
  } catch (cause) {
    throw new Error(
      `PerSQL didn't start, because the backup failed. The data is unchanged.\n${(cause as Error).message}`,
      {
        cause,
      },
    )
  }
}

/** Returns whether an instance was ever used. */
const hasObjects = (data: string): boolean => existsSync(objectFile(data, 'directory', 'directory'))
