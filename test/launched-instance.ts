import { execFile, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serverCommand } from './build-folder.ts'
import { makeDataFolder, removeDataFolder } from './data-folder.ts'
import { PlatformClient } from './harness.ts'
import { type LauncherProcess, launch } from './launcher-process.ts'

/** The output of an operator command. */
export interface Printed {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command of the operator, like `npm run operator --`, with only this environment. */
export function runOperator(args: readonly string[], environment: Record<string, string>): Promise<Printed> {
  const env = { PATH: process.env.PATH, ...environment }
  const [node, ...program] = serverCommand()
  return new Promise((resolve) => {
    execFile(node, [...program, 'operator', ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

/** Starts an operator command that a test kills, at a lower priority: on a busy machine too, the test must be faster. */
export function startOperator(args: readonly string[], environment: Record<string, string>) {
  return spawn('nice', ['-n', '5', ...serverCommand(), 'operator', ...args], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: 'ignore',
  })
}

/** An instance that is started like `npm start`, on a folder of its own. */
export class LaunchedInstance extends PlatformClient {
  readonly folder: string
  readonly data: string
  readonly #settings: Record<string, string>
  #launcher: LauncherProcess | undefined
  #cells: readonly string[] = []
  secret = ''
  url = ''

  private constructor(folder: string, settings: Record<string, string>) {
    super()
    this.folder = folder
    this.data = join(folder, 'data')
    this.#settings = settings
  }

  /** Creates a folder whose `data` doesn't exist yet. */
  static async create(settings: Record<string, string> = {}): Promise<LaunchedInstance> {
    const preset = { PERSQL_BOOTSTRAP: 'off', PERSQL_WELCOME_CREDIT: 'namespace', PERSQL_DEV: '1' }
    const limits = { FLOOD_PER_MINUTE: '1000000', PERSQL_MAX_NAMESPACES: '100' }
    return new LaunchedInstance(await makeDataFolder('persql-launched-'), { ...preset, ...limits, ...settings })
  }

  get launcher(): LauncherProcess {
    if (this.#launcher === undefined) throw new Error('The launcher is not running.')
    return this.#launcher
  }

  /** Starts the launcher, without waiting until it runs. */
  spawn(): LauncherProcess {
    this.#launcher = launch(this.folder, this.#settings)
    return this.#launcher
  }

  /** Starts the launcher and waits until it has printed its address. */
  async start(): Promise<void> {
    const launcher = this.spawn()
    const { url } = await launcher.welcome()
    this.url = url
    const others = [...launcher.stdout.matchAll(/Cell \d+\s+(http\S+)/g)].map(([, address = '']) => address)
    this.#cells = [url, ...others]
    this.secret = this.#settings.PERSQL_SECRET ?? (await readFile(join(this.data, 'secret'), 'utf8')).trim()
  }

  /** Stops the launcher, in order or by SIGKILL. */
  async stop(signal?: 'SIGKILL'): Promise<void> {
    await this.#launcher?.stop(signal)
    this.#launcher = undefined
  }

  async remove(): Promise<void> {
    await this.stop()
    await removeDataFolder(this.folder)
  }

  /** Runs an operator command on the data folder. */
  operator(...args: string[]): Promise<Printed> {
    const url = this.url && !['backup', 'verify', 'restore'].includes(args[0] ?? '') ? ['--url', this.url] : []
    const { PERSQL_SECRET } = this.#settings
    return runOperator([...args, ...url], { PERSQL_DATA: this.data, ...(PERSQL_SECRET && { PERSQL_SECRET }) })
  }

  /** Moves the clock of all cells ahead by this time in total, which runs what is due by then. */
  async setClock(aheadMs: number): Promise<void> {
    for (const cell of this.#cells) {
      const response = await fetch(`${cell}/api/dev/clock`, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.secret}`, 'content-type': 'application/json' },
        body: JSON.stringify({ aheadMs }),
      })
      if (!response.ok) throw new Error(`The clock of ${cell} responded with ${response.status}.`)
    }
  }
}
