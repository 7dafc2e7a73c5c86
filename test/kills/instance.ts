import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { hashToCell } from '../../apps/platform/src/cell-hash.ts'
import { removeDataFolder } from '../data-folder.ts'
import { PlatformClient } from '../harness.ts'
import { type LauncherProcess, launch } from '../launcher-process.ts'
import { toReaderCount } from '../reader-count.ts'
import { uniqueName } from '../shared-platform.ts'

const CELLS = 2
const settings = {
  PERSQL_CELLS: String(CELLS),
  PERSQL_READERS: String(toReaderCount(2)),
  PERSQL_BOOTSTRAP: 'off',
  PERSQL_WELCOME_CREDIT: 'namespace',
  PERSQL_WELCOME_CREDIT_USD: '0',
  PERSQL_DEV: '1',
  FLOOD_PER_MINUTE: '1000000',
  PERSQL_MAX_NAMESPACES: '100',
}

/** A cell, whose address changes when the launcher is started again. */
class MovingCell extends PlatformClient {
  url: string
  readonly secret: string

  constructor(url: string, secret: string) {
    super()
    this.url = url
    this.secret = secret
  }
}

/** The processes that a test can kill. */
export type Target = 'a reader' | 'cell 0' | 'cell 1' | 'the launcher'

/** Returns the cell that a kill ends. */
export const toCell = (target: Target): number | undefined =>
  target === 'cell 0' ? 0 : target === 'cell 1' ? 1 : undefined

/** An instance with two cells, started like `npm start`, whose processes are killed. */
export class KilledInstance {
  readonly folder: string
  readonly data: string
  readonly cells: MovingCell[] = []
  #launcher: LauncherProcess | undefined
  #aheadMs = 0

  constructor(folder: string) {
    this.folder = folder
    this.data = join(folder, 'data')
  }

  static async start(): Promise<KilledInstance> {
    const instance = new KilledInstance(await mkdtemp(join(tmpdir(), 'persql-kills-')))
    await instance.launch()
    return instance
  }

  get launcher(): LauncherProcess {
    if (this.#launcher === undefined) throw new Error('The launcher is not running.')
    return this.#launcher
  }

  /** Starts the launcher, without waiting until it runs. */
  spawn(): LauncherProcess {
    this.#launcher = launch(this.folder, settings)
    return this.#launcher
  }

  /** Starts the launcher and waits until it has printed its addresses. */
  async launch(): Promise<void> {
    const launcher = this.spawn()
    const { url } = await launcher.welcome()
    const others = [...launcher.stdout.matchAll(/Cell \d+\s+(http\S+)/g)].map(([, address = '']) => address)
    const secret = (await readFile(join(this.data, 'secret'), 'utf8')).trim()
    for (const [index, address] of [url, ...others].entries()) {
      const cell = this.cells[index]
      if (cell) cell.url = address
      else this.cells.push(new MovingCell(address, secret))
    }
  }

  /** Stops the launcher in order, and starts it again. */
  async restart(): Promise<void> {
    await this.launcher.stop()
    await this.launch()
  }

  async stop(): Promise<void> {
    await this.#launcher?.stop()
    await removeDataFolder(this.folder)
  }

  /** Returns a new name of a namespace that a cell owns. */
  nameIn(cell: number): string {
    for (;;) {
      const name = uniqueName()
      if (hashToCell(name, CELLS) === cell) return name
    }
  }

  /** Kills a process with SIGKILL. Returns its PID. */
  async kill(target: Target, random: () => number): Promise<number> {
    const pid = await this.#find(target, random)
    process.kill(pid, 'SIGKILL')
    return pid
  }

  /** Waits until no process of this instance is left, after its launcher ended. */
  async emptied(): Promise<void> {
    while (this.#processes().length > 0) await delay(10)
  }

  /** Moves the clock of all cells ahead by this time in total, which runs what is due by then. */
  async setClock(aheadMs: number): Promise<void> {
    this.#aheadMs = aheadMs
    // Cells that are killed lose the clock. The test sets it again.
    await Promise.all(
      this.cells.map((cell) =>
        cell.request('/api/dev/clock', { token: cell.secret, body: { aheadMs } }).catch(() => undefined),
      ),
    )
  }

  /** Sets the clock of processes that started since the last call. */
  async restoreClock(): Promise<void> {
    for (const cell of this.cells) {
      const body = { aheadMs: this.#aheadMs }
      while ((await tryCall(() => cell.request('/api/dev/clock', { token: cell.secret, body }))) !== 200)
        await delay(20)
    }
  }

  async #find(target: Target, random: () => number): Promise<number> {
    if (target === 'the launcher') return this.launcher.pid
    for (;;) {
      const { workerd, cells, readers } = JSON.parse(await readFile(join(this.data, 'lock'), 'utf8'))
      const pids: number[] = (target === 'a reader' ? readers : target === 'cell 0' ? [workerd] : cells).map(
        (process: { pid: number }) => process.pid,
      )
      const running = pids.filter((pid) => isAlive(pid))
      const pid = running[Math.floor(random() * running.length)]
      if (pid !== undefined) return pid
      await delay(10)
    }
  }

  /** Lists the processes that run in the folder of this instance. */
  #processes(): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => {
        try {
          return readlinkSync(`/proc/${pid}/cwd`).startsWith(this.folder) && isAlive(pid)
        } catch {
          return false
        }
      })
  }
}

/** Returns whether a process runs. One that ended and that its parent hasn't noticed yet doesn't. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.at(stat.lastIndexOf(')') + 2) !== 'Z'
  } catch {
    return false
  }
}

/** Returns the status of a response, or `undefined` if the connection was broken. */
export async function tryCall(call: () => Promise<{ status: number }>): Promise<number | undefined> {
  try {
    return (await call()).status
  } catch (cause) {
    // `fetch` throws a TypeError for a broken connection.
    if (cause instanceof TypeError) return undefined
    throw cause
  }
}
