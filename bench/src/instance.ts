import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { probe } from '../../apps/launcher/src/probe.ts'
import { Readers } from '../../apps/launcher/src/readers.ts'
import {
  localUrl,
  objectsFolder,
  prepareData,
  startWorkerd,
  type Workerd,
} from '../../apps/launcher/src/workerd-process.ts'

const host = '127.0.0.1'

/** One cell of several in a data folder. */
interface Membership {
  readonly cell: number
  readonly cells: number
  readonly key: string
  readonly secret: string
}

/** The resources of a process. */
export interface Usage {
  readonly residentMiB: number
  /** The number of open file descriptors. */
  readonly descriptors: number
}

/** Returns what a process uses now; nothing if it has ended. */
function usage(pid: number): Usage {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const residentMiB = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024
    return { residentMiB, descriptors: readdirSync(`/proc/${pid}/fd`).length }
  } catch {
    return { residentMiB: 0, descriptors: 0 }
  }
}

/** A workerd process with a bundle and its own data folder. Platform and floor differ only in the bundle. */
export class Instance {
  readonly secret: string
  readonly #data: string
  readonly #membership: Membership | undefined
  #workerd: Workerd | undefined
  readonly #readers: Readers

  constructor(data: string, readers: number, membership?: Membership) {
    this.#data = data
    this.#membership = membership
    this.secret = membership?.secret ?? randomBytes(32).toString('base64url')
    this.#readers = new Readers({ data, count: readers, log() {}, onStderr() {} })
    this.#readers.start()
  }

  get port(): number {
    return this.#running.port
  }

  get url(): string {
    return localUrl(host, this.port)
  }

  /** Returns the resident memory in MiB. */
  residentMiB(): number {
    return this.usage().residentMiB
  }

  /** Returns what the platform's process uses now. */
  usage(): Usage {
    return usage(this.#running.pid)
  }

  /** Returns what the readers use now, together. */
  readersUsage(): Usage {
    const all = this.#readers.pids.map(usage)
    return {
      residentMiB: all.reduce((sum, { residentMiB }) => sum + residentMiB, 0),
      descriptors: all.reduce((sum, { descriptors }) => sum + descriptors, 0),
    }
  }

  /** Counts the files of databases and their copies. */
  async countFiles(): Promise<number> {
    const names = await readdir(join(objectsFolder(this.#data), 'database'))
    return names.filter((name) => name.endsWith('.sqlite')).length
  }

  /** Returns whether databases have a write-ahead log. The runtime closes unused ones after some seconds. */
  async hasLogs(): Promise<boolean> {
    const names = await readdir(join(objectsFolder(this.#data), 'database'))
    // The runtime keeps its own data open.
    return names.some((name) => name.endsWith('-wal') && !name.startsWith('metadata'))
  }

  /** Starts a new process on the same data. */
  async restart(): Promise<void> {
    await this.#workerd?.stop()
    const { cell, cells, key } = this.#membership ?? {}
    this.#workerd = await startWorkerd({
      data: this.#data,
      ...(cell !== undefined && { cell }),
      host,
      port: 0,
      environment: {
        PERSQL_RUNTIME: 'workerd',
        PERSQL_SECRET: this.secret,
        PERSQL_WELCOME_CREDIT_USD: '100000',
        FLOOD_PER_MINUTE: '1000000000',
        TRUSTED_PROXIES: '',
        QUERY_TIMEOUT_S: '30',
        PERSQL_READERS: String(this.#readers.count),
        ...(key && { PERSQL_CELLS: String(cells), PERSQL_CELL: String(cell), PERSQL_CELL_KEY: key }),
      },
      stdout: 'ignore',
      onStderr: (line) => void this.#readers.read(line),
    })
    await probe(this.url)
  }

  async stop(): Promise<void> {
    await this.#workerd?.stop()
    await this.#readers.stop()
    await rm(this.#data, { recursive: true, force: true })
  }

  get #running(): Workerd {
    if (this.#workerd === undefined) throw new Error('The instance was not started.')
    return this.#workerd
  }
}

export async function startInstance(bundle: string, readers = 0): Promise<Instance> {
  const data = await mkdtemp(join(tmpdir(), 'persql-bench-'))
  await prepareData(data, { bundle, readers })
  const instance = new Instance(data, readers)
  await instance.restart()
  return instance
}

/** Starts the cells of one instance. Stopping the first removes the data, so stop it last. */
export async function startCells(bundle: string, cells: number): Promise<Instance[]> {
  const data = await mkdtemp(join(tmpdir(), 'persql-bench-'))
  await prepareData(data, { bundle, cells })
  const [key, secret] = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')]
  const instances = Array.from({ length: cells }, (_, cell) => new Instance(data, 0, { cell, cells, key, secret }))
  for (const instance of instances) await instance.restart()
  return instances
}
