import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from './log.ts'
import { type Unresponsive, waitUntilUnresponsive } from './probe.ts'
import type { Readers } from './readers.ts'
import { backOffMs } from './restarts.ts'
import { type RunningStatement, RunningStatements } from './running-statements.ts'
import { shrinkLog } from './shrink-log.ts'
import { StoppedWrites } from './stopped-writes.ts'
import { type StorageExcess, waitForStorageExcess } from './storage-excess.ts'
import { localUrl, objectsFolder, startWorkerd, type Workerd, type WorkerdOptions } from './workerd-process.ts'

const loggedSqlLength = 500
const stableAfterMs = 30_000
/** A process that was just started is slow on a busy machine, and an unrecorded statement isn't billed. */
const reportTimeoutMs = 30_000

/** A workerd process that is restarted whenever it ends, with the same port and the same data. */
export interface SupervisedProcess {
  port: number
  /** The PID of the current process. */
  pid(): number
  /** Stops the process and its supervision. */
  stop(): Promise<void>
}

/** Why a process is replaced: `quota` and `disk` are for a statement that needs too much storage. */
export type EndReason = Unresponsive | 'exited' | StorageExcess['reason']

export interface WatchdogOptions extends WorkerdOptions {
  /** The time after which a statement that blocks the process is stopped. */
  timeoutS: number
  /** The reserve of the disk in megabytes, as in `measureDisk`. */
  reserveMb?: number | undefined
  log: Log
  /** The processes that run long reads for it. */
  readers?: Readers
  /** Called when the process must be replaced, with the reason. */
  onEnd?: (reason: EndReason) => void
  /** Called after the process has ended and before it is replaced. */
  beforeRestart?: () => Promise<void>
  /** Called with the PID of each replacement process. */
  onRestart?: (pid: number) => void
}

/** Why a process is replaced. */
type End = Unresponsive | 'exited' | StorageExcess

/** A statement that was stopped with its process: because of its time, a quota or the disk. */
interface StoppedStatement {
  /** `undefined` if it wasn't announced. */
  statement: RunningStatement | undefined
  reason: 'time' | StorageExcess['reason']
  seconds: number
}

/**
 * Starts workerd and keeps it running. A process that one statement blocks for more than `timeoutS`, or whose statement needs
 * too much storage, is killed and replaced immediately; a process that crashed or no longer listens is replaced after an
 * increasing delay. Rejects only if the first start fails.
 */
export async function supervise(options: WatchdogOptions): Promise<SupervisedProcess> {
  const { timeoutS, log, beforeRestart, onEnd, onRestart, onStderr, readers } = options
  const statements = new RunningStatements()
  const stopping = new AbortController()
  const stoppedWrites = new StoppedWrites()
  let reported: Promise<unknown> = Promise.resolve()
  const start = (port: number): Promise<Workerd> =>
    startWorkerd({
      ...options,
      port,
      environment: {
        ...options.environment,
        PERSQL_LONG_WRITES_REFUSED: JSON.stringify(stoppedWrites.refused(Date.now())),
      },
      onStderr: (line) => statements.read(line) || readers?.read(line) || onStderr(line),
    })
  let workerd = await start(options.port)
  const { port } = workerd
  const url = localUrl(options.host, port)

  const guard = async (): Promise<void> => {
    for (let crashes = 0; !stopping.signal.aborted; ) {
      const startedAt = performance.now()
      const end = await findEnd(workerd, url, options, statements, stopping.signal)
      if (stopping.signal.aborted) return
      const ended = await workerd.kill()
      if (end) onEnd?.(typeof end === 'object' ? end.reason : end)
      const stopped = toStopped(end, statements.current, timeoutS)
      crashes = stopped ? 0 : performance.now() - startedAt > stableAfterMs ? 1 : crashes + 1
      if (stopped) {
        const { seconds, reason, statement } = stopped
        log('error', 'statement_killed', { seconds, reason, ...suspect(statement) })
      } else if (end === 'not_listening') log('error', 'workerd_stopped_listening', { crashes })
      else log('error', 'workerd_crashed', { ...ended, crashes, ...suspect(statements.current) })
      statements.clear()
      readers?.endAll()
      await beforeRestart?.()
      if (stopped?.statement) shrink(stopped.statement)
      // The next process knows it from the start, so no call in between can cause the next restart.
      if (stopped?.statement?.isWrite) stoppedWrites.add(stopped.statement.database, Date.now())
      const next = await replace(crashes)
      if (next === undefined) return
      workerd = next.workerd
      crashes = next.crashes
      log('info', 'workerd_restarted', { pid: workerd.pid })
      // The next statement that takes too long is noticed in the meantime.
      if (stopped?.statement) reported = Promise.all([reported, report(stopped.statement, stopped)])
      onRestart?.(workerd.pid)
    }
  }

  /** Gives back the room that the statement took, before another process opens the file. */
  const shrink = ({ database, storage }: RunningStatement): void => {
    try {
      shrinkLog(`${join(databasesFolder(options), storage.file)}.sqlite`)
    } catch (cause) {
      log('error', 'log_not_shrunk', { database, reason: String(cause) })
    }
  }

  /** Bills and logs the statement in its database, which refuses writes for some time. */
  const report = async (
    { database, tokenId, isWrite, sql, storage }: RunningStatement,
    { seconds, reason }: StoppedStatement,
  ): Promise<void> => {
    const { use } = storage.limit ?? {}
    const about = { database, tokenId, isWrite, sql: sql.slice(0, loggedSqlLength), seconds, reason, use }
    try {
      const response = await fetch(`${url}/api/launcher/stopped`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${options.environment.PERSQL_SECRET}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify(about),
        signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(reportTimeoutMs)]),
      })
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
      log('info', 'stopped_statement_recorded', { database })
    } catch (cause) {
      log('error', 'stopped_statement_not_recorded', { database, reason: String(cause) })
    }
  }

  const replace = async (crashes: number): Promise<{ workerd: Workerd; crashes: number } | undefined> => {
    for (let failed = crashes; ; failed++) {
      await delay(backOffMs(failed), undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return undefined
      try {
        return { workerd: await start(port), crashes: failed }
      } catch (cause) {
        log('error', 'workerd_restart_failed', { reason: String(cause), againInMs: backOffMs(failed + 1) })
      }
    }
  }

  const guarding = guard()
  return {
    port,
    pid: () => workerd.pid,
    stop: async () => {
      stopping.abort()
      await guarding
      await reported
      await workerd.stop()
    },
  }
}

/** Resolves when the process must be replaced, with the reason, or when `signal` aborts. */
async function findEnd(
  workerd: Workerd,
  url: string,
  options: WatchdogOptions,
  statements: RunningStatements,
  signal: AbortSignal,
): Promise<End | undefined> {
  const { data, timeoutS, reserveMb } = options
  const watching = new AbortController()
  const abort = (): void => watching.abort()
  signal.addEventListener('abort', abort)
  const folder = databasesFolder(options)
  const end = await Promise.race([
    workerd.exited.then(() => 'exited' as const),
    waitUntilUnresponsive(url, timeoutS * 1_000, () => statements.events, watching.signal),
    waitForStorageExcess({ data, folder, pid: workerd.pid, reserveMb, statements }, watching.signal),
  ])
  signal.removeEventListener('abort', abort)
  watching.abort()
  return end
}

const databasesFolder = ({ data, cell }: WatchdogOptions): string => join(objectsFolder(data, cell), 'database')

/** Returns the statement because of which the process was ended, if that is the reason. */
function toStopped(
  end: End | undefined,
  current: RunningStatement | undefined,
  timeoutS: number,
): StoppedStatement | undefined {
  if (end === 'blocked') return { statement: current, reason: 'time', seconds: timeoutS }
  return typeof end === 'object' ? end : undefined
}

function suspect(statement: RunningStatement | undefined): object {
  if (statement === undefined) return {}
  const { database, tokenId, sql } = statement
  return { database, tokenId, sql: sql.slice(0, loggedSqlLength) }
}
