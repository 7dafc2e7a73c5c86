import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BackgroundLoop } from '../background-loop.ts'
import { measureDisk } from '../disk-space.ts'
import type { Log } from '../log.ts'
import { type Kind, kinds, readIdentity } from '../object-files.ts'
import { objectsFolder } from '../workerd-process.ts'
import { chooseLongLogs, type OpenLog, ordinaryBytes } from './long-logs.ts'

const everyMs = 5_000
/**
 * The time that a database has to hold its calls, also behind long statements of others. A transaction can take longer, and the
 * next sweep asks again.
 */
const requestTimeoutMs = 10_000
/** The namespaces whose logs are shortened at the same time. Within one, it is one log after the other. */
const concurrency = 4
const logName = /^([0-9a-f]{64})\.sqlite-wal$/

export interface LogSweepOptions {
  readonly data: string
  /** Returns the URLs of the cells from this machine. */
  readonly localUrls: () => readonly string[]
  readonly secret: string
  readonly log: Log
  /** For tests: the time between two sweeps. */
  readonly everyMs?: number
}

/** The logs of a cell. */
export interface LogUse {
  /** The bytes of all logs, at the last sweep. */
  readonly bytes: number
  /** The number that was shortened since the start. */
  readonly shortened: number
}

/** The response of the platform. */
type LogAnswer = { readonly freedBytes: number } | { readonly skipped: string } | { readonly failed: string }

/** How the platform finds the object of a log. Only databases know their names. */
interface Owner {
  readonly namespace: string
  readonly request: { readonly database: string } | { readonly kind: Kind; readonly object: string }
}

interface FoundLog extends OpenLog {
  readonly kind: Kind
  readonly object: string
  readonly file: string
  readonly url: string
  readonly cell: number
}

/**
 * Keeps the write-ahead logs of all objects within bounds. A log has the length of the longest transaction since its
 * file was opened, also if that was rolled back, because the runtime's SQLite has no command that shortens it.
 */
export class LogSweep {
  readonly #options: LogSweepOptions
  readonly #loop: BackgroundLoop
  readonly #uses = new Map<number, LogUse>()
  /** The owners of long logs, by the path of the log. */
  readonly #owners = new Map<string, Owner>()

  constructor(options: LogSweepOptions) {
    this.#options = options
    this.#loop = new BackgroundLoop({
      everyMs: options.everyMs ?? everyMs,
      work: () => this.#sweep(),
      onError: (cause) => options.log('error', 'logs_not_measured', { reason: String(cause) }),
    })
  }

  /** Starts the sweeps in the background. */
  start(): void {
    this.#loop.start()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  getUse(cell: number): LogUse {
    return this.#uses.get(cell) ?? { bytes: 0, shortened: 0 }
  }

  async #sweep(): Promise<void> {
    const { data, localUrls } = this.#options
    const logs = (await Promise.all(localUrls().map((url, cell) => this.#list(url, cell)))).flat()
    const known = new Set(logs.map(({ file }) => file))
    for (const file of this.#owners.keys()) if (!known.has(file)) this.#owners.delete(file)
    const { freeBytes } = await measureDisk(data, 0)
    const queues = groupByNamespace(chooseLongLogs(logs, freeBytes))
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        for (let queue = queues.pop(); queue !== undefined; queue = queues.pop()) await this.#shortenAll(queue)
      }),
    )
  }

  /** Lists the logs of a cell. Only open files have one. */
  async #list(url: string, cell: number): Promise<FoundLog[]> {
    const logs: FoundLog[] = []
    for (const kind of kinds) {
      const folder = join(objectsFolder(this.#options.data, cell), kind)
      for (const name of await readdir(folder).catch(() => [])) {
        const [, object] = logName.exec(name) ?? []
        if (object === undefined) continue
        const file = join(folder, name)
        const bytes = await stat(file).then(
          ({ size }) => size,
          () => 0,
        )
        const log = { kind, object, file, url, cell, bytes }
        const namespace = bytes > ordinaryBytes ? this.#findOwner(log).namespace : ''
        if (bytes > 0) logs.push({ ...log, namespace })
      }
    }
    this.#uses.set(cell, { ...this.getUse(cell), bytes: logs.reduce((total, { bytes }) => total + bytes, 0) })
    return logs
  }

  /** Returns the owner of a log. An object that isn't a database, such as a snapshot or an import, has bounds of its own. */
  #findOwner({ kind, object, file }: Omit<FoundLog, 'namespace'>): Owner {
    const known = this.#owners.get(file)
    if (known !== undefined) return known
    const identity = kind === 'database' ? readIdentity(file.slice(0, -'-wal'.length), 'shared') : undefined
    const owner: Owner =
      identity === undefined
        ? { namespace: object, request: { kind, object } }
        : { namespace: identity.namespace, request: { database: `${identity.namespace}/${identity.slug}` } }
    this.#owners.set(file, owner)
    return owner
  }

  /** Shortens logs of one namespace until the platform takes too long. */
  async #shortenAll(logs: readonly FoundLog[]): Promise<void> {
    for (const log of logs) {
      const { url, cell } = log
      const { request } = this.#findOwner(log)
      const answer = await this.#request(url, request)
      if (answer === undefined || this.#loop.signal.aborted) return
      if ('freedBytes' in answer) {
        const { bytes, shortened } = this.getUse(cell)
        this.#uses.set(cell, { bytes: Math.max(0, bytes - answer.freedBytes), shortened: shortened + 1 })
      } else if ('failed' in answer)
        this.#options.log('error', 'log_not_shortened', { ...request, reason: answer.failed })
    }
  }

  /** Returns `undefined` if the platform takes too long. */
  async #request(url: string, body: object): Promise<LogAnswer | undefined> {
    const timeout = AbortSignal.timeout(requestTimeoutMs)
    try {
      const response = await fetch(`${url}/api/launcher/log`, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.#options.secret}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.any([this.#loop.signal, timeout]),
      })
      const text = await response.text()
      if (!response.ok) return { failed: `${response.status} ${text}` }
      return (JSON.parse(text) as { data: LogAnswer }).data
    } catch (cause) {
      return timeout.aborted || this.#loop.signal.aborted ? undefined : { failed: String(cause) }
    }
  }
}

/** Groups logs by their namespace, in the order of its longest log. Short logs can be of any namespace. */
function groupByNamespace(logs: readonly FoundLog[]): FoundLog[][] {
  const groups = new Map<string, FoundLog[]>()
  for (const log of logs) {
    const group = groups.get(log.namespace) ?? []
    groups.set(log.namespace, group)
    group.push(log)
  }
  return [...groups.values()].reverse()
}
