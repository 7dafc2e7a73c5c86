import { constants, existsSync, readFileSync } from 'node:fs'
import { access, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { type BackupFirst, backUpFirst, parseBackupFirst } from './backup/backup-first.ts'
import { ContinuousBackup } from './backup/continuous-backup.ts'
import { readFinishedRestore } from './backup/restore-marker.ts'
import { bootstrap } from './bootstrap-namespace.ts'
import { type BuiltFiles, builtFiles, findDocs, findPackageSource } from './built-files.ts'
import { type Cells, type CellsOptions, startCells } from './cells.ts'
import type { ConfigOptions } from './config.ts'
import { stampData } from './data-format.ts'
import { type DataLock, lockData, noAccess } from './data-lock.ts'
import { makeRoomToStart } from './disk-space.ts'
import { removeEmptyFiles } from './empty-files.ts'
import { createFilesPrivately, formatOpenPaths, makeDataPrivate } from './file-modes.ts'
import { type Hashing, startHashing } from './hashing/hashing.ts'
import { instanceSecret } from './instance-secret.ts'
import { chooseLogFormat, createLog, type Log } from './log.ts'
import { formatOpenFileWarning, readOpenFileLimit } from './open-files.ts'
import { PackageBuilder } from './package-builder.ts'
import { probe } from './probe.ts'
import { readSettings, type Settings } from './settings.ts'
import { Vacuums } from './vacuum/vacuums.ts'
import { formatWelcome } from './welcome-message.ts'
import { type DataOptions, localUrl, prepareData } from './workerd-process.ts'

/** Runs `npm start`: the platform in the foreground until SIGINT or SIGTERM. Resolves with the exit code. */
export async function main(args: string[]): Promise<number> {
  return runProgram((settings) => run(settings, readArguments(args)))
}

/** @throws Error with a message for the operator */
function readArguments(args: readonly string[]): BackupFirst | undefined {
  const options = args.map((argument) => {
    const option = parseBackupFirst(argument)
    if (option) return option
    throw new Error(
      `Unexpected argument "${argument}". The only option is --backup-first. Settings come from the environment and .env.`,
    )
  })
  return options.at(-1)
}

/** Runs a program with the settings of the environment and `.env`. Resolves with its exit code. */
export async function runProgram(program: (settings: Settings) => Promise<void>): Promise<number> {
  try {
    const fromFile = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {}
    await program(readSettings({ ...fromFile, ...process.env }))
    return 0
  } catch (error) {
    process.stderr.write(`${toMessage(error)}\n`)
    return 1
  }
}

function toMessage(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
    const { path } = error as NodeJS.ErrnoException
    return `The disk is full${path ? `: can't write ${path}` : ''}. Make room, then start PerSQL again.`
  }
  return error instanceof Error ? error.message : String(error)
}

async function run(settings: Settings, backupFirst: BackupFirst | undefined): Promise<void> {
  const stopped = stopSignal()
  const beforeChange = async (): Promise<void> => {
    if (backupFirst === undefined) return
    const interrupted = stopped.then((signal) => {
      throw new Error(
        `${signal} received, so the backup isn't complete and PerSQL didn't start. The data is unchanged.`,
      )
    })
    const created = await Promise.race([backUpFirst(backupFirst, settings), interrupted])
    if (created !== undefined) process.stdout.write(`${created}\n`)
  }
  const folder = dirname(fileURLToPath(import.meta.url))
  const built = builtFiles(folder)
  const work = async (instance: Instance): Promise<void> => {
    const data = settings.PERSQL_DATA
    const files = { bundle: built.platform, consoleFiles: built.console, docs: findDocs(folder) }
    await prepareData(data, await dataOptions(settings, instance, files))
    const cells = await start(settings, instance)
    const packages = new PackageBuilder(data, findPackageSource(folder), instance.log)
    const backups = new ContinuousBackup({ settings, program: built.server, log: instance.log })
    try {
      backups.start()
      const greeted = greet(settings, instance.secret, cells.ports).then(() => offerPackages(settings, packages))
      const signal = await Promise.race([stopped, greeted.then(() => stopped)])
      process.stdout.write(`\n${signal} received, stopping. All committed data is in ${data}.\n`)
    } finally {
      await packages.stop()
      await Promise.all([backups.stop(), cells.stop()])
    }
  }
  await withData(settings, built, work, beforeChange)
}

/** An instance whose data folder this process holds. */
export interface Instance {
  readonly lock: DataLock
  readonly secret: string
  readonly hashing: Hashing
  readonly log: Log
  readonly vacuums: Vacuums
}

/**
 * Runs `work` while this process holds the data folder and the process that hashes passwords runs. Calls `beforeChange` when it
 * holds the folder, and before it changes data.
 */
export async function withData(
  settings: Settings,
  built: Pick<BuiltFiles, 'hashing' | 'vacuum'>,
  work: (instance: Instance) => Promise<void>,
  beforeChange: () => Promise<void> = async () => {},
): Promise<void> {
  const { PERSQL_DATA: data, PERSQL_CELLS: cells, PERSQL_DISK_RESERVE_MB: reserveMb } = settings
  createFilesPrivately()
  await createData(data)
  await makeRoomToStart(data)
  const lock = await lockData(data)
  if (lock.isLocal) {
    process.stderr.write(
      `The file system of ${data} doesn't support Unix sockets, so PerSQL can't detect another instance in a different container. Make sure that only one instance uses this folder.\n`,
    )
  }
  const fewFiles = formatOpenFileWarning(readOpenFileLimit())
  if (fewFiles !== undefined) process.stderr.write(`${fewFiles}\n`)
  try {
    readFinishedRestore(data)
    await beforeChange()
    await stampData(data, cells)
    const open = await makeDataPrivate(data, cells)
    if (open.length > 0) process.stderr.write(`${formatOpenPaths(open)}\n`)
    await removeEmptyFiles(data, cells)
    const secret = settings.PERSQL_SECRET ?? (await instanceSecret(data))
    const format = chooseLogFormat(settings.LOG_FORMAT, process.stdout)
    const log = createLog(format, (line) => process.stdout.write(line))
    const hashing = await startHashing({ data, built: built.hashing, log })
    try {
      const vacuums = await Vacuums.start({ data, built: built.vacuum, cells, secret, reserveMb })
      try {
        await work({ lock, secret, hashing, vacuums, log })
      } finally {
        await vacuums.stop()
      }
    } finally {
      await hashing.stop()
    }
  } finally {
    lock.release()
  }
}

/** @throws Error with a message for the operator */
async function createData(data: string): Promise<void> {
  try {
    await mkdir(data, { recursive: true, mode: 0o700 })
  } catch (cause) {
    // On a read-only file system, `mkdir` reports that the parent doesn't exist.
    const reason = await access(existingParent(data), constants.W_OK).catch((denied) => denied)
    throw noAccess(data, reason ?? cause) ?? cause
  }
}

function existingParent(path: string): string {
  const parent = dirname(path)
  return existsSync(parent) ? parent : existingParent(parent)
}

/** Returns the options of `prepareData`. */
export async function dataOptions(
  settings: Settings,
  { hashing, vacuums }: Instance,
  files: Omit<DataOptions, keyof ConfigOptions>,
): Promise<DataOptions> {
  const { NODE_EXTRA_CA_CERTS: file, PERSQL_CELLS: cells, PERSQL_READERS: readers } = settings
  const trustedCertificates = file && (await readFile(file, 'utf8'))
  return {
    ...files,
    cells,
    readers,
    trustedCertificates,
    hashingAddress: hashing.address,
    vacuumAddress: vacuums.address,
  }
}

/** Resolves with the first stop signal. It listens from the start, so that Ctrl-C during the start also stops cleanly. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolve)
  })
}

/** Starts the cells on a prepared data folder, at the addresses of the settings or others. */
export function start(
  settings: Settings,
  { lock, secret, hashing, vacuums, log }: Instance,
  { host, ports }: Pick<CellsOptions, 'host' | 'ports'> = { host: settings.HOST, ports: cellPorts(settings) },
): Promise<Cells> {
  return startCells({ settings, secret, hashing, vacuums, lock, log, host, ports })
}

/** Returns the ports of the settings: each cell has the one after its predecessor's. */
function cellPorts({ PORT, PERSQL_CELLS }: Settings): number[] {
  return Array.from({ length: PERSQL_CELLS }, (_, cell) => (PORT === 0 ? 0 : PORT + cell))
}

/** Builds the client packages, unless users install them from the npm registry. */
export function offerPackages({ PERSQL_PACKAGES: source }: Settings, packages: PackageBuilder): void {
  if (source === 'self') packages.start()
}

/** Waits until the platform responds, creates the first namespace and prints the welcome message. */
export async function greet(settings: Settings, secret: string, ports: readonly [number, ...number[]]): Promise<void> {
  const { PERSQL_DATA: data, PERSQL_BOOTSTRAP: wanted } = settings
  const [local, ...others] = ports.map((port) => localUrl(settings.HOST, port)) as [string, ...string[]]
  const url = settings.PERSQL_URL ?? local
  await probe(local)
  const access = wanted === 'off' ? undefined : await bootstrap({ data, localUrl: local, url, secret, ...wanted })
  process.stdout.write(`${formatWelcome({ url, others, data, stop: 'Press Ctrl-C to stop.' }, access)}\n`)
}
