import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { buildTasks } from '../build.ts'
import { builtFiles } from '../built-files.ts'
import type { Cells } from '../cells.ts'
import { dataOptions, greet, type Instance, offerPackages, runProgram, start, stopSignal, withData } from '../main.ts'
import { PackageBuilder } from '../package-builder.ts'
import { builtPackages, devBuilds, packageBuilder } from '../paths.ts'
import type { Settings } from '../settings.ts'
import { copyConsole, prepareData } from '../workerd-process.ts'
import { ConsoleFiles, serveConsole } from './console.ts'
import { startDevServer } from './server.ts'
import { watchPlatform } from './watch-platform.ts'

/**
 * Runs `npm run dev`: serves the console from its sources and the platform behind it, at the address and with the data
 * of `npm start`. Rebuilds and restarts the platform after a change of its sources. Resolves with the exit code.
 */
export function main(): Promise<number> {
  return runProgram(run)
}

async function run(settings: Settings): Promise<void> {
  const stopped = Promise.race([stopSignal(), parentEnded()])
  const folder = join(devBuilds, String(process.pid))
  const built = builtFiles(folder)
  try {
    await buildTasks(built)
    await withData(settings, built, (instance) => serve(settings, instance, folder, stopped))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Serves the sources until `stopped` resolves. Builds are in `folder`. */
async function serve(settings: Settings, instance: Instance, folder: string, stopped: Promise<string>): Promise<void> {
  const files = new ConsoleFiles(join(folder, 'console'))
  const source = { program: packageBuilder, prebuilt: builtPackages }
  const packages = new PackageBuilder(settings.PERSQL_DATA, source, instance.log)
  const platform = new RestartingPlatform(settings, instance, folder, files)
  const server = await startDevServer(settings, () => platform.port())
  try {
    await serveConsole(server, files, () => platform.replaceConsole())
    const watching = await watchPlatform(join(folder, 'platform.mjs'), () => platform.restart())
    try {
      const signal = await Promise.race([
        stopped,
        greet(settings, instance.secret, [server.port])
          .then(() => offerPackages(settings, packages))
          .then(() => stopped),
      ])
      process.stdout.write(`\n${signal} received, stopping. All committed data is in ${settings.PERSQL_DATA}.\n`)
    } finally {
      await watching.stop()
    }
  } finally {
    await packages.stop()
    await server.stop()
    await platform.stop()
  }
}

/** Resolves when the process that watches the launcher's sources has ended. */
function parentEnded(): Promise<string> {
  return new Promise((resolve) => process.once('disconnect', () => resolve('Parent process ended')))
}

/** The platform of a build folder, replaced by the next build. Requests wait while one replaces the other. */
class RestartingPlatform {
  readonly #settings: Settings
  readonly #instance: Instance
  readonly #folder: string
  readonly #console: ConsoleFiles
  #cells: Cells | undefined
  #ports: readonly number[]
  #isStopped = false
  #turn: Promise<void>
  #begin: () => void = () => {}

  constructor(settings: Settings, instance: Instance, folder: string, console: ConsoleFiles) {
    this.#settings = settings
    this.#ports = Array.from({ length: settings.PERSQL_CELLS }, () => 0)
    this.#instance = instance
    this.#folder = folder
    this.#console = console
    this.#turn = new Promise((resolve) => {
      this.#begin = resolve
    })
  }

  /** Resolves with the port when the newest build runs. @throws Error if it failed to start */
  async port(): Promise<number> {
    await this.#turn
    return this.#ports[0] as number
  }

  /** Serves the newest files of the console. @throws Error if the newest build failed to start */
  async replaceConsole(): Promise<void> {
    const copied = this.#turn.then(() => copyConsole(this.#settings.PERSQL_DATA, this.#console.folder))
    // Copies follow each other, and the next build waits for them.
    this.#turn = this.#turn.finally(() => copied.catch(() => {}))
    this.#turn.catch(() => {})
    await copied
  }

  /** Stops the running build, then starts the newest one. */
  restart(): void {
    this.#begin()
    this.#turn = this.#turn.catch(() => {}).then(() => this.#replace())
    this.#turn.catch((cause: Error) => process.stderr.write(`${cause.message}\nWaiting for a change.\n`))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#begin()
    await this.#turn.catch(() => {})
    await this.#cells?.stop()
  }

  async #replace(): Promise<void> {
    const isFirst = this.#ports[0] === 0
    await this.#cells?.stop()
    this.#cells = undefined
    if (this.#isStopped) return
    const bundle = join(this.#folder, 'platform.mjs')
    const files = { bundle, consoleFiles: this.#console.folder }
    await prepareData(this.#settings.PERSQL_DATA, await dataOptions(this.#settings, this.#instance, files))
    const address = { host: '127.0.0.1', ports: this.#ports }
    this.#cells = await start(this.#settings, this.#instance, address)
    this.#ports = this.#cells.ports
    if (!isFirst) process.stdout.write('The platform was rebuilt and restarted.\n')
  }
}
