import { randomBytes } from 'node:crypto'
import type { LogFormat } from '../../platform/src/log-text.ts'
import { finishRestore } from './backup/finish-restore.ts'
import { type Restore, readFinishedRestore } from './backup/restore-marker.ts'
import { parseInterval } from './backup/schedule/durations.ts'
import { FORWARDED_SETTINGS, type PlatformEnvironment } from './config.ts'
import type { DataLock } from './data-lock.ts'
import { DiskWatch } from './disk-space.ts'
import type { Hashing } from './hashing/hashing.ts'
import { chooseLogFormat, formatStderrLine, type Log } from './log.ts'
import { moveAlarms } from './move-alarms.ts'
import { ProcessReports, type ReportedCell } from './process-reports.ts'
import { ProxyFiles } from './proxy-files.ts'
import { Readers } from './readers.ts'
import type { Settings } from './settings.ts'
import { LogSweep } from './vacuum/log-sweep.ts'
import { VacuumSweep } from './vacuum/vacuum-sweep.ts'
import type { Vacuums } from './vacuum/vacuums.ts'
import { type EndReason, type SupervisedProcess, supervise } from './watchdog.ts'
import { localUrl } from './workerd-process.ts'

/** The running cells of an instance. */
export interface Cells {
  /** The ports, by cell. */
  readonly ports: readonly [number, ...number[]]
  /** Stops all cells and their readers. */
  stop(): Promise<void>
}

export interface CellsOptions {
  readonly settings: Settings
  readonly secret: string
  readonly hashing: Hashing
  readonly vacuums: Vacuums
  readonly lock: DataLock
  readonly log: Log
  readonly host: string
  /** The port of each cell. 0 selects a free port. */
  readonly ports: readonly number[]
}

/** A cell: its workerd process, which a watchdog of its own restarts, and its readers. */
interface Cell {
  readonly supervised: SupervisedProcess
  readonly readers: Readers
  /** Its restarts by their reason. */
  readonly restarts: Record<EndReason, number>
}

/**
 * Starts the cells of an instance on a prepared data folder. The Directory is in the first. Rejects if one fails to
 * start.
 */
export async function startCells(options: CellsOptions): Promise<Cells> {
  const { settings, host, ports, secret, lock, log } = options
  const { PERSQL_DATA: data, PERSQL_DISK_RESERVE_MB: reserveMb } = settings
  const restored = readFinishedRestore(data)
  const environment = cellsEnvironment(options, restored)
  const cells: Cell[] = []
  const hold = (): void =>
    lock.hold(
      cells.map(({ supervised }) => supervised.pid()),
      cells.flatMap(({ readers }) => readers.pids),
    )
  const localUrls = () => cells.map((cell) => localUrl(host, getPort(cell)))
  const disk = new DiskWatch({ data, reserveMb, localUrls, secret, log })
  const logs = new LogSweep({ data, localUrls, secret, log })
  const reported = () => cells.map((cell, index) => ({ ...toReported(cell, index, options), logs: logs.getUse(index) }))
  const { PERSQL_BACKUP: target, PERSQL_BACKUP_EVERY: every } = settings
  const backupEveryMs = target === undefined ? undefined : parseInterval(every)
  const reports = new ProcessReports({ data, secret, cells: reported, backupEveryMs })
  const vacuums = new VacuumSweep({ data, localUrls, secret, log })
  let proxyFiles: ProxyFiles | undefined
  const onRestart = (): void => {
    hold()
    void disk.report()
    void reports.report()
    // A report of the process that ended can be lost.
    proxyFiles?.refresh()
  }
  const stderrFormat = toStderrFormat(settings)
  const onStderr = (line: string): void => {
    if (ProxyFiles.isChange(line)) proxyFiles?.refresh()
    else process.stderr.write(`${formatStderrLine(line, stderrFormat)}\n`)
  }
  const stop = async (): Promise<void> => {
    await Promise.all([disk.stop(), reports.stop(), vacuums.stop(), logs.stop(), proxyFiles?.stop()])
    await Promise.all(cells.map(({ supervised }) => supervised.stop()))
    await Promise.all(cells.map(({ readers }) => readers.stop()))
  }
  try {
    for (const [cell, port] of ports.entries()) {
      cells.push(await startCell(cell, port, options, environment, { hold, onRestart, onStderr }))
      hold()
      // Only data of versions without cells has native alarms. A reader would run them too.
      if (cell === 0) await moveAlarms({ data, localUrl: localUrl(host, getPort(cells[0] as Cell)), secret })
      cells[cell]?.readers.start()
    }
    await disk.start()
    reports.start()
    vacuums.start()
    logs.start()
    const started = cells.map(getPort) as [number, ...number[]]
    if (restored) await finishRestore({ data, restored, localUrl: localUrl(host, started[0]), secret, log })
    if (cells.length > 1) {
      proxyFiles = new ProxyFiles({ data, host, ports: started, secret, log })
      if (!(await proxyFiles.write())) proxyFiles.refresh()
    }
    return { ports: started, stop }
  } catch (cause) {
    await stop()
    throw cause
  }
}

/** Returns what the metrics of a cell have about its processes. Processes that all cells share are those of the first. */
function toReported(cell: Cell, index: number, { host, hashing }: CellsOptions): Omit<ReportedCell, 'logs'> {
  const { supervised, readers, restarts } = cell
  const own = readers.byIndex.flatMap((pid, reader) => (pid === undefined ? [] : [[`reader-${reader}`, pid] as const]))
  return {
    localUrl: localUrl(host, getPort(cell)),
    processes: {
      workerd: supervised.pid(),
      ...Object.fromEntries(own),
      ...(index === 0 && { hashing: hashing.pid(), launcher: process.pid }),
    },
    readers: { running: own.length, crashes: readers.crashes },
    restarts,
  }
}

interface CellEvents {
  readonly hold: () => void
  readonly onRestart: () => void
  readonly onStderr: (line: string) => void
}

const getPort = ({ supervised }: Cell): number => supervised.port

async function startCell(
  cell: number,
  port: number,
  { settings, log: logOfInstance, host, lock, ports, vacuums }: CellsOptions,
  environment: PlatformEnvironment,
  { hold, onRestart, onStderr }: CellEvents,
): Promise<Cell> {
  const { PERSQL_DATA: data, PERSQL_READERS: count, QUERY_TIMEOUT_S: timeoutS } = settings
  const { PERSQL_DISK_RESERVE_MB: reserveMb } = settings
  const log: Log =
    ports.length === 1 ? logOfInstance : (level, event, fields) => logOfInstance(level, event, { cell, ...fields })
  const readers = new Readers({ data, cell, count, log, onStderr, onStart: hold })
  const restarts = { blocked: 0, not_listening: 0, exited: 0, quota: 0, disk: 0 }
  try {
    const supervised = await supervise({
      ...{ data, cell, host, port, onStderr, timeoutS, reserveMb, log, readers },
      environment: ports.length === 1 ? environment : { ...environment, PERSQL_CELL: String(cell) },
      onEnd: (reason) => void restarts[reason]++,
      beforeRestart: () => vacuums.end(cell),
      onRestart,
      heldFd: lock.fd,
    })
    return { supervised, readers, restarts }
  } catch (cause) {
    throw new Error(startFailure((cause as Error).message, host, port), { cause })
  }
}

function cellsEnvironment(
  { settings, secret, hashing, ports }: CellsOptions,
  restored: Restore | undefined,
): PlatformEnvironment {
  const owned = firstOwns(settings)
  return {
    ...Object.fromEntries(FORWARDED_SETTINGS.flatMap((name) => given(name, settings[name]))),
    PERSQL_RUNTIME: 'workerd',
    LOG_FORMAT: chooseLogFormat(settings.LOG_FORMAT, process.stdout),
    PERSQL_READERS: String(settings.PERSQL_READERS),
    PERSQL_SECRET: secret,
    PERSQL_HASHING_KEY: hashing.key,
    ...(owned && { PERSQL_FIRST_OWNS: owned }),
    ...(restored && { PERSQL_RESTORE: restored.id }),
    ...(ports.length > 1 && {
      PERSQL_CELLS: String(ports.length),
      PERSQL_CELL_KEY: randomBytes(32).toString('base64url'),
    }),
  }
}

/** Returns the format of stderr: that of stdout, with colors if it is a terminal too. */
function toStderrFormat({ LOG_FORMAT }: Settings): LogFormat {
  return chooseLogFormat(LOG_FORMAT, process.stdout) === 'json' ? 'json' : chooseLogFormat('text', process.stderr)
}

const given = (name: string, value: unknown): [string, string][] => (value === undefined ? [] : [[name, String(value)]])

/** Returns the bootstrap namespace if only users of this machine can sign up first. */
function firstOwns({ HOST, PERSQL_URL, TRUSTED_PROXIES, PERSQL_BOOTSTRAP }: Settings): string | undefined {
  const local = ['localhost', '::1'].includes(HOST) || HOST.startsWith('127.')
  const behindProxy = PERSQL_URL !== undefined || TRUSTED_PROXIES !== ''
  return local && !behindProxy && PERSQL_BOOTSTRAP !== 'off' ? PERSQL_BOOTSTRAP.namespace : undefined
}

function startFailure(reason: string, host: string, port: number): string {
  if (/Address already in use|Only one usage of each socket address/.test(reason)) {
    return `Port ${port} on ${host} is already in use. Stop the other process, or set PORT (0 picks a free port).`
  }
  if (/Permission denied|forbidden by its access permissions/.test(reason))
    return `Permission denied for port ${port} on ${host}. Use a port above 1023, or run with the required privileges.`
  return `workerd failed to start:\n${reason}`
}
