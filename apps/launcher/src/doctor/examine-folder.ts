import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { readRestore } from '../backup/restore-marker.ts'
import { operatorCommand } from '../command-name.ts'
import { dataFormat, programVersion, readDataStamp } from '../data-format.ts'
import { isOpen, ownFolders } from '../file-modes.ts'
import { readLastBackup } from '../last-backup.ts'
import { count, type Finding, megabytes, ok, problem, warning } from './finding.ts'
import { listObjectFiles } from './identify-file.ts'

const maxBackupAgeMs = 24 * 60 * 60 * 1_000
/** A running instance and a running backup use their files in `tmp/`. */
const leftoverAgeMs = 60 * 60 * 1_000
/** File systems can have a coarse clock. */
const toleranceMs = 2_000
const secretFiles = ['secret', 'bootstrap.json']

/** Examines the versions of the program, its runtimes and the data. */
export async function examineVersions(data: string): Promise<Finding[]> {
  const program = `PerSQL ${programVersion}, Node ${process.versions.node}, workerd ${readWorkerdVersion()}`
  try {
    const stamp = await readDataStamp(data)
    if (stamp === undefined && !existsSync(join(data, 'objects'))) return [ok('versions', `${program}, no data yet.`)]
    const format = stamp?.format ?? 1
    const next = format < dataFormat ? `; the next start upgrades it to ${dataFormat}` : ''
    const writer = stamp === undefined ? '' : `, written by PerSQL ${stamp.writtenBy}`
    return [ok('versions', `${program}, data format ${format}${writer}${next}.`)]
  } catch (cause) {
    return [ok('versions', `${program}.`), problem('data format', (cause as Error).message)]
  }
}

function readWorkerdVersion(): string {
  const require = createRequire(import.meta.url)
  try {
    const folder = dirname(dirname(require.resolve('workerd')))
    return String((require(join(folder, 'package.json')) as { version?: string }).version)
  } catch {
    return 'not found'
  }
}

/** Compares the cells of a data folder with the setting. */
export function examineCells(data: string, cells: number, wanted: string | undefined): Finding {
  const setting = Number(wanted?.trim() || 1)
  if (setting !== cells && wanted?.trim()) {
    return problem(
      'cells',
      `the folder has ${count(cells, 'cell')}, but PERSQL_CELLS is ${wanted}. Set PERSQL_CELLS=${cells}.`,
    )
  }
  const missing = Array.from({ length: cells - 1 }, (_, index) => join(data, 'cells', String(index + 1))).filter(
    (folder) => !existsSync(folder),
  )
  if (missing.length > 0) return problem('cells', `${missing.join(', ')} not found. Restore the folder from a backup.`)
  const folder = join(data, 'cells')
  const extra = existsSync(folder)
    ? readdirSync(folder).filter((name) => /^\d+$/.test(name) && Number(name) >= cells)
    : []
  if (extra.length === 0) return ok('cells', `${cells}.`)
  return warning(
    'cells',
    `${extra.map((name) => join(folder, name)).join(', ')} belongs to no cell: the folder has ${cells}.`,
  )
}

/** Examines the restore of a folder that was filled from a backup. */
export function examineRestore(data: string): Finding | undefined {
  try {
    const restore = readRestore(data)
    if (restore === undefined) return undefined
    if (restore.state === 'incomplete') {
      return problem(
        'restore',
        `the restore of backup ${restore.backup} didn't finish. Restore it again, into an empty folder.`,
      )
    }
    return ok('restore', `backup ${restore.backup} is restored; the next start reconciles it.`)
  } catch (cause) {
    return problem('restore', (cause as Error).message)
  }
}

/** Examines the age and the result of the last backup. */
export async function examineBackup(data: string, nowMs: number): Promise<Finding> {
  const last = await readLastBackup(data)
  const command = `Run "${operatorCommand} backup <target>".`
  if (last === undefined) return warning('backup', `none yet. ${command}`)
  const hours = Math.floor((nowMs - last.atMs) / 3_600_000)
  const age = hours < 1 ? 'less than 1 hour ago' : `${count(hours, 'hour')} ago`
  if (!last.ok)
    return problem('backup', `the last one, ${age}, failed or found damaged files. Read its log. ${command}`)
  if (nowMs - last.atMs > maxBackupAgeMs) return warning('backup', `the last one was ${age}. ${command}`)
  return ok('backup', `the last one was ${age}.`)
}

/**
 * Finds what other users of this machine can use. The data folder can have any mode if everything in it is private. Windows
 * has no such modes.
 */
export function examineModes(data: string): Finding[] {
  if (process.platform === 'win32') return []
  const secrets = findOpen(data, secretFiles)
  const folders = isOpen(statSync(data).mode) ? findOpen(data, ['objects', ...ownFolders]) : []
  const findings = [
    ...secrets.map((file) => problem('modes', `other users can use ${file}. Run "chmod 600 ${file}".`)),
    ...folders.map((folder) =>
      warning('modes', `other users can open ${folder}. The next start mends it, or run "chmod 700 ${folder}".`),
    ),
  ]
  return findings.length > 0 ? findings : [ok('modes', 'only the owner can use the files.')]
}

const findOpen = (data: string, names: readonly string[]): string[] =>
  names.map((name) => join(data, name)).filter((path) => isOpen(statSync(path, { throwIfNoEntry: false })?.mode ?? 0))

/** Finds files that an interrupted start, backup or read left. */
export function examineLeftovers(data: string, isRunning: boolean, nowMs: number): Finding {
  const drafts = readdirSync(data)
    .filter((name) => name.endsWith('.new'))
    .map((name) => join(data, name))
  const isLeft = (file: string): boolean => {
    const found = lstatSync(file, { throwIfNoEntry: false })
    return found !== undefined && (!isRunning || nowMs - found.mtimeMs > leftoverAgeMs)
  }
  const files = [...drafts, ...listFiles(join(data, 'tmp'))].filter(isLeft)
  if (files.length === 0) return ok('leftovers', 'none.')
  const bytes = files.reduce((sum, file) => sum + (lstatSync(file, { throwIfNoEntry: false })?.size ?? 0), 0)
  const some = files.slice(0, 3).join(', ')
  const what = `${count(files.length, 'file')} of interrupted work, ${megabytes(bytes)}: ${some}${files.length > 3 ? ', …' : ''}`
  return warning('leftovers', `${what}. Delete ${files.length === 1 ? 'it' : 'them'} while PerSQL is stopped.`)
}

function listFiles(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Compares the clock with the last write to the data. */
export function examineClock(data: string, nowMs: number): Finding {
  let lastMs = 0
  for (const file of listObjectFiles(data)) {
    for (const path of [file, `${file}-wal`]) {
      lastMs = Math.max(lastMs, statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0)
    }
  }
  const now = new Date(nowMs).toISOString()
  if (lastMs <= nowMs + toleranceMs) return ok('clock', `${now}.`)
  const last = new Date(lastMs).toISOString()
  return problem(
    'clock',
    `${now} is before the last write, ${last}. Set the clock, for example with NTP, before PerSQL starts.`,
  )
}
