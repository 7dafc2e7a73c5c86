import { existsSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Check } from '../check-files.ts'
import { recordBackup } from '../last-backup.ts'
import { chooseLogFormat, createLog } from '../log.ts'
import { withUse } from '../object-files.ts'
import { findInstance } from '../running-instance.ts'
import { backUp } from './backup.ts'
import { DamagedBackupError, type Manifest, toBackupId } from './manifest.ts'
import { listBackups, readManifest } from './manifest-file.ts'
import { restore } from './restore.ts'
import { restoreDatabase } from './restore-database.ts'
import { readFinishedRestore } from './restore-marker.ts'
import { prune } from './retention/prune.ts'
import { parseKeep } from './retention/retention.ts'
import { parseInterval } from './schedule/durations.ts'
import { repeatEvery, stopSignal } from './schedule/repeat.ts'
import type { BackupStore } from './store.ts'
import { nameFiles } from './stored-files.ts'
import { readPassphrase } from './stores/encryption/passphrase.ts'
import { openStore } from './stores/open-store.ts'
import { DamagedBlobError, StoreError } from './stores/store-error.ts'
import { UsageError } from './usage-error.ts'
import { type Verified, verifyBackup, verifyData } from './verify.ts'

/** The help of the commands for backups. */
export const backupHelp = `  backup <target>                       copy the instance, which can run, to a folder or s3://bucket/prefix
                                        --every 15m repeats it; --keep 24h,7d,4w deletes older backups; --full stores
                                        all files again, for a target that lost or changed some
  verify <target or data folder>        check the newest backup, or a data folder; --quick skips the check of indexes
  restore <target>                      fill the empty data folder from the newest backup
  restore <target> --database <namespace>/<database> --as <namespace>/<new database>
                                        create a database of the running instance with the rows and schema of a backup
  --backup ID                           verify or restore this backup of the target instead of the newest
  --passphrase-file FILE                encrypt new backups, or read encrypted ones, with the passphrase in this file
`
const notRestored =
  'endpoints, webhooks, schedules, approval rules, saved queries, migration history, tokens, branches and snapshots'
const niceness = 10
/** Pruning reads all manifests, and the rules count hours. */
const pruneEveryMs = 60 * 60 * 1_000
const exitCodes = { whole: 0, damaged: 1 } as const

/** The result of a command for the terminal. */
interface Printed {
  readonly text: string
  readonly exitCode: number
}

interface Options {
  readonly environment: NodeJS.ProcessEnv
  readonly passphraseFile: string | undefined
  readonly keep: string | undefined
  readonly isFull: boolean
  readonly everyMs: number | undefined
  readonly data: string
  readonly secret: string | undefined
  readonly backup: string | undefined
  readonly check: Check
  /** The database to restore, and the one to create. Absent for all. */
  readonly database: { readonly from: string; readonly to: string } | undefined
  readonly url: string | undefined
}

type Command = (target: string, options: Options) => Promise<Printed>

const commands: Readonly<Record<string, Command>> = { backup: runBackup, verify: runVerify, restore: runRestore }

/** Returns whether this is a command for backups. */
export const isBackupCommand = (name: string | undefined): boolean =>
  name !== undefined && Object.hasOwn(commands, name)

/**
 * Runs a command for backups. The exit code is 0 if everything is whole, and 1 for damage.
 * @throws UsageError, DamagedBackupError, DamagedBlobError
 */
export async function runBackupCommand(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Printed> {
  const [name, target, options] = parse(args, environment)
  // The instance comes first.
  setPriority(niceness)
  try {
    return await (commands[name] as Command)(target, options)
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause instanceof DamagedBlobError) throw cause
    throw new UsageError(cause.message, { cause })
  }
}

function parse(args: readonly string[], environment: NodeJS.ProcessEnv): [string, string, Options] {
  const { values, positionals } = parseOptions(args)
  const [name = '', target, extra] = positionals
  if (target === undefined) throw new UsageError(`Missing target.\n\n${backupHelp}`)
  if (extra !== undefined) throw new UsageError(`Unexpected argument "${extra}".\n\n${backupHelp}`)
  const options: Options = {
    environment,
    passphraseFile: values['passphrase-file'],
    keep: values.keep,
    isFull: values.full ?? false,
    everyMs: values.every === undefined ? undefined : checked(() => parseInterval(values.every as string)),
    data: resolve(environment.PERSQL_DATA || './data'),
    secret: environment.PERSQL_SECRET?.trim() || undefined,
    backup: values.backup,
    check: values.quick ? 'quick_check' : 'integrity_check',
    database: parseDatabase(name, values),
    url: values.url,
  }
  if (name !== 'backup' && (values.keep ?? values.every ?? values.full) !== undefined) {
    throw new UsageError(`--keep, --every and --full are options of backup.\n\n${backupHelp}`)
  }
  if (values.full && values.every !== undefined) {
    throw new UsageError(`Run backup --full once, without --every.\n\n${backupHelp}`)
  }
  if (values.keep !== undefined) checked(() => parseKeep(values.keep as string))
  return [name, target, options]
}

/** @throws UsageError unless both options or none are there */
function parseDatabase(command: string, { database, as: to, url }: ReturnType<typeof parseOptions>['values']) {
  if (database !== undefined && to !== undefined && command === 'restore') return { from: database, to }
  if (database === undefined && to === undefined && url === undefined) return undefined
  throw new UsageError(
    `To restore one database, pass both --database and --as. --url is an option of this restore only.\n\n${backupHelp}`,
  )
}

/** Returns what `read` returns. @throws UsageError instead of its error */
function checked<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause })
  }
}

function parseOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        backup: { type: 'string' },
        quick: { type: 'boolean' },
        'passphrase-file': { type: 'string' },
        keep: { type: 'string' },
        every: { type: 'string' },
        full: { type: 'boolean' },
        database: { type: 'string' },
        as: { type: 'string' },
        url: { type: 'string' },
      },
      allowPositionals: true,
    })
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message}\n\n${backupHelp}`, { cause })
  }
}

/** Creates one backup, or one after the other until SIGINT or SIGTERM. */
async function runBackup(target: string, options: Options): Promise<Printed> {
  const { everyMs, environment } = options
  const store = await open(target, options)
  if (everyMs === undefined) return createBackup(store, options)
  const { LOG_FORMAT: format } = environment
  const setting = format === 'json' || format === 'text' ? format : undefined
  const log = createLog(chooseLogFormat(setting, process.stdout), (line) => process.stdout.write(line))
  let prunedAtMs = Number.NEGATIVE_INFINITY
  const work = async (signal: AbortSignal) => {
    const startedAtMs = performance.now()
    const isPruned = startedAtMs - prunedAtMs >= pruneEveryMs
    const { text, exitCode } = await createBackup(store, isPruned ? options : { ...options, keep: undefined })
    if (isPruned) prunedAtMs = startedAtMs
    log(exitCode === 0 ? 'info' : 'error', 'backup_created', { result: text.trim() })
    // A backup that takes long leaves the disk to the instance for as long again.
    await delay(performance.now() - startedAtMs, undefined, { signal }).catch(() => {})
  }
  await repeatEvery(everyMs, work, { signal: stopSignal(), log })
  return { text: 'Stopped.\n', exitCode: exitCodes.whole }
}

/** Creates a backup, and deletes those that the rules don't keep. */
async function createBackup(store: BackupStore, options: Options): Promise<Printed> {
  const { data, keep } = options
  const startedAt = new Date()
  try {
    const created = await copyInstance(store, options)
    await recordBackup(data, created.exitCode === exitCodes.whole ? startedAt : undefined)
    if (keep === undefined) return created
    const pruned = await prune(store, keep, new Date())
    if (pruned === undefined) {
      return {
        ...created,
        text: `${created.text}Deleted no backups, because another backup to the target is running.\n`,
      }
    }
    const text = `${created.text}Deleted ${count(pruned.deleted.length, 'backup')} and ${count(pruned.files, 'file')}.\n`
    const lost = [...created.files].filter((name) => !pruned.left.has(name)).length
    if (lost === 0) return { ...created, text }
    const { text: again, exitCode } = await copyInstance(store, { ...options, isFull: true })
    return {
      text: `${text}The target lost ${count(lost, 'file')}, so all files were stored again.\n${again}`,
      exitCode,
    }
  } catch (cause) {
    if (existsSync(data)) await recordBackup(data, undefined)
    throw cause
  }
}

/** Creates a backup. Returns the names of its files too. */
async function copyInstance(
  store: BackupStore,
  { data, secret, isFull }: Options,
): Promise<Printed & { readonly files: ReadonlySet<string> }> {
  const { added, ...found } = await backUp({ data, store, secret, isFull })
  const { objects, damaged, startedAt } = found.manifest
  const lines = damaged.map(({ name, path, problem }) => `${name}: not copied. ${join(data, path)}: ${problem}`)
  const bytes = objects.reduce((sum, object) => sum + object.bytes, 0)
  lines.push(
    `Backup ${toBackupId(startedAt)}: ${count(objects.length, 'file')}, ${megabytes(bytes)}. Added ${count(added.files, 'file')}, ${megabytes(added.bytes)}.`,
  )
  const exitCode = damaged.length > 0 ? exitCodes.damaged : exitCodes.whole
  return { text: `${lines.join('\n')}\n`, exitCode, files: nameFiles(found) }
}

async function runVerify(target: string, options: Options): Promise<Printed> {
  const { check } = options
  const place = resolve(target)
  if (['objects', 'restore.json'].some((name) => existsSync(join(place, name)))) {
    readFinishedRestore(place)
    return withUse(place, (use) => report(verifyData(place, check, use), `Data folder ${place}`))
  }
  const { store, manifest } = await findBackup(target, options)
  return report(verifyBackup(store, manifest, check), `Backup ${toBackupId(manifest.startedAt)}`)
}

async function runRestore(target: string, options: Options): Promise<Printed> {
  const { data, secret, database } = options
  if (database !== undefined) return runRestoreDatabase(target, database, options)
  const { store, manifest } = await findBackup(target, options)
  await restore({ data, store, manifest, secret })
  const { startedAt, damaged, cells } = manifest
  const lines = damaged.map(({ name, problem }) => `${name}: missing, because it wasn't copied: ${problem}`)
  const settings = cells === 1 ? '' : ` with PERSQL_CELLS=${cells}`
  lines.push(`${data} has the state of ${startedAt}. Start PerSQL on it${settings}.`)
  return { text: `${lines.join('\n')}\n`, exitCode: damaged.length > 0 ? exitCodes.damaged : exitCodes.whole }
}

/** Restores one database of a backup into the running instance. */
async function runRestoreDatabase(
  target: string,
  { from, to }: NonNullable<Options['database']>,
  options: Options,
): Promise<Printed> {
  const { data, environment, url } = options
  const { store, manifest } = await findBackup(target, options)
  const instance = await findInstance(environment, url).catch((cause: Error) => {
    throw new UsageError(cause.message, { cause })
  })
  const signal = stopSignal()
  const { rows, tables, costUsd } = await restoreDatabase({ data, store, manifest, from, to, instance, signal })
  const backup = toBackupId(manifest.startedAt)
  const lines = [
    `${to} has the rows and schema of ${from} in backup ${backup}: ${count(tables, 'table')}, ${count(rows, 'row')}.`,
    `The import cost $${formatUsd(costUsd)}. Not restored: ${notRestored}.`,
  ]
  return { text: `${lines.join('\n')}\n`, exitCode: exitCodes.whole }
}

/** Reads the newest backup of a target, or the selected one. @throws UsageError, DamagedBackupError */
async function findBackup(place: string, options: Options): Promise<{ store: BackupStore; manifest: Manifest }> {
  const { backup: wanted } = options
  const store = await open(place, options)
  const ids = await listBackups(store)
  if (wanted !== undefined && !ids.includes(wanted)) {
    throw new UsageError(
      `Backup "${wanted}" not found in ${place}. ${ids.length === 0 ? 'It has no backups.' : `It has: ${ids.join(', ')}`}`,
    )
  }
  const id = wanted ?? ids.at(-1)
  if (id !== undefined) return { store, manifest: await readManifest(store, id) }
  for await (const _ of store.list('files/')) {
    throw new DamagedBackupError(`${place} has copied files, but no complete backup: the manifest is missing.`)
  }
  throw new UsageError(`No backup found in ${place}.`)
}

/** Opens a target. @throws StoreError */
async function open(target: string, { environment, passphraseFile }: Options): Promise<BackupStore> {
  const passphrase = passphraseFile === undefined ? undefined : await readPassphrase(passphraseFile)
  return openStore(target, { environment, ...(passphrase !== undefined && { passphrase }) })
}

async function report(results: AsyncIterable<Verified>, place: string): Promise<Printed> {
  const lines: string[] = []
  let whole = 0
  for await (const { name, problem } of results) {
    if (problem === undefined) whole++
    else lines.push(`${name}: damaged. ${problem}`)
  }
  const damaged = lines.length
  const summary =
    damaged === 0 ? `is whole: ${count(whole, 'file')} checked` : `is damaged: ${count(damaged, 'problem')}`
  lines.push(`${place} ${summary}.`)
  return { text: `${lines.join('\n')}\n`, exitCode: damaged > 0 ? exitCodes.damaged : exitCodes.whole }
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
/** Formats a whole number of nano-dollars. */
const formatUsd = (usd: number): string => usd.toFixed(9).replace(/\.?0+$/, '')
