import { createHash, timingSafeEqual } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { measureDisk } from '../disk-space.ts'
import { chooseAddress, type Transport } from '../listen-address.ts'
import { kinds } from '../object-files.ts'
import { objectsFolder, replaceFile } from '../workerd-process.ts'
import { LogQueue } from './log-queue.ts'
import type { LogOutcome, VacuumOutcome } from './program.ts'
import { maxLiveBytes, type VacuumLimits } from './vacuum-file.ts'
import { startVacuum, type VacuumProcess } from './vacuum-process.ts'

/** The time after which a VACUUM is killed, so that no call waits longer. */
const maxMs = 10_000
const maxBodyBytes = 10_000

/** Options of the service. */
export interface VacuumsOptions {
  readonly data: string
  /** The built program. The service uses a copy of it, even if there is another build since. */
  readonly built: string
  /** The number of cells. Default: 1. */
  readonly cells?: number
  /** The secret of the instance, which callers must send. */
  readonly secret: string
  /** The reserve of the disk in megabytes. Default: `measureDisk`'s. */
  readonly reserveMb?: number | undefined
  /** Default: a socket, except on Windows. */
  readonly transport?: Transport
  /** For tests, which would need a large file. */
  readonly maxMs?: number
}

/** The body of a request for a VACUUM. */
type Wanted = Pick<VacuumLimits, 'minFreeBytes' | 'minFreeShare'>

/** The response to a request for a VACUUM. */
type Response = VacuumOutcome | { readonly skipped: 'busy' }

/**
 * Runs VACUUM for the platform, whose SQLite can't: one at a time, each in a process of its own. It also shortens write-ahead
 * logs. The platform holds the calls of the database in that time.
 */
export class Vacuums {
  readonly #options: VacuumsOptions
  readonly #server = createServer((request, response) => void this.#answer(request, response))
  #release: () => Promise<void> = async () => {}
  #address = ''
  readonly #logs: LogQueue
  #running: { readonly object: string; readonly cell: number; readonly process: VacuumProcess } | undefined

  private constructor(options: VacuumsOptions) {
    this.#options = options
    this.#logs = new LogQueue(toProgram(options.data), options.data)
  }

  /** Starts the service. Rejects if it can't listen. */
  static async start(options: VacuumsOptions): Promise<Vacuums> {
    const vacuums = new Vacuums(options)
    await vacuums.#listen()
    return vacuums
  }

  /** The address in workerd's notation: `unix:<path>` or `127.0.0.1:<port>`. */
  get address(): string {
    return this.#address
  }

  /** Ends the work on files of a cell, or of any cell, and waits until no process has them open. */
  async end(cell?: number): Promise<void> {
    await Promise.all([this.#logs.end(), this.#endVacuum(cell)])
  }

  async #endVacuum(cell?: number): Promise<void> {
    const running = this.#running
    if (running === undefined || (cell !== undefined && running.cell !== cell)) return
    running.process.kill()
    await running.process.outcome
  }

  /** Ends the service and what it runs. */
  async stop(): Promise<void> {
    await Promise.all([this.#logs.stop(), this.#endVacuum()])
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    await this.#release()
  }

  async #listen(): Promise<void> {
    const { data, built, transport = process.platform === 'win32' ? 'port' : 'socket' } = this.#options
    await mkdir(join(data, 'run'), { recursive: true })
    await replaceFile(toProgram(data), await readFile(built))
    const place = await chooseAddress(data, 'vacuum', transport)
    const path = /^unix:(.*)$/s.exec(place.address)?.[1]
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      const listening = (): void => resolve()
      if (path === undefined) this.#server.listen({ host: '127.0.0.1', port: 0 }, listening)
      else this.#server.listen(path, listening)
    })
    this.#release = place.release
    this.#address = path === undefined ? `127.0.0.1:${(this.#server.address() as AddressInfo).port}` : place.address
  }

  /**
   * `POST /<object>` runs a VACUUM, and `POST /<object>/log` shortens the log. `DELETE /<object>` ends both, and responds when
   * no process has the file open.
   */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, object, log] = /^\/([0-9a-f]{64})(\/log)?$/.exec(request.url ?? '') ?? []
    if (!isEqual(request.headers.authorization ?? '', `Bearer ${this.#options.secret}`)) response.writeHead(401).end()
    else if (object === undefined) response.writeHead(404).end()
    else if (request.method === 'DELETE') {
      await Promise.all([this.#logs.end(object), this.#running?.object === object && this.#endVacuum()])
      response.writeHead(204).end()
    } else {
      try {
        const work = log ? this.#shorten(object, response) : this.#run(object, await readBody(request), response)
        response.writeHead(200, { 'Content-Type': 'application/json' })
        response.end(JSON.stringify(await work))
      } catch {
        response.destroy()
      }
    }
  }

  async #shorten(object: string, response: ServerResponse): Promise<LogOutcome> {
    const { file } = this.#find(object) ?? {}
    if (file === undefined) return missing
    // Without the platform's process, nothing holds the calls of the database.
    response.on('close', () => void this.#logs.end(object))
    return this.#logs.shorten(object, file)
  }

  #find(object: string): { cell: number; file: string } | undefined {
    const { data, cells = 1 } = this.#options
    // IDs of different classes differ.
    const files = [...Array(cells).keys()].flatMap((cell) =>
      kinds.map((kind) => ({ cell, file: join(objectsFolder(data, cell), kind, `${object}.sqlite`) })),
    )
    return files.find(({ file }) => existsSync(file))
  }

  async #run(object: string, wanted: Wanted, response: ServerResponse): Promise<Response> {
    const { data, reserveMb } = this.#options
    const found = this.#find(object)
    const { freeBytes, reserveBytes } = await measureDisk(data, reserveMb)
    if (this.#running) return { skipped: 'busy' }
    // The platform can have ended in that time.
    if (found === undefined || response.destroyed) return missing
    const { cell, file } = found
    const limits = { ...wanted, maxLiveBytes, roomBytes: freeBytes - reserveBytes }
    const process = startVacuum(toProgram(data), data, { file, limits })
    this.#running = { object, cell, process }
    const timer = setTimeout(() => process.kill(), this.#options.maxMs ?? maxMs)
    // Without the platform's process, nothing holds the calls of the database.
    response.on('close', () => process.kill())
    try {
      return await process.outcome
    } finally {
      clearTimeout(timer)
      this.#running = undefined
    }
  }
}

const missing = { failed: 'The file is missing.' }

const toProgram = (data: string): string => join(data, 'run', 'vacuum.cjs')

async function readBody(request: IncomingMessage): Promise<Wanted> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBodyBytes) throw new Error('The body is too long.')
    chunks.push(chunk)
  }
  return JSON.parse(Buffer.concat(chunks).toString()) as Wanted
}

function isEqual(a: string, b: string): boolean {
  const [first, second] = [a, b].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer]
  return timingSafeEqual(first, second)
}
