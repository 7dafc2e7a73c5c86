import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { serverCommand } from './build-folder.ts'
import { hasReaders, toReaderCount } from './reader-count.ts'

/**
 * Settings that make a start cheaper: without its builds of packages, with a small file as the reserve of the disk, and with
 * one reader, because each takes 0.3 s of CPU time to start.
 */
const CHEAP = { PERSQL_PACKAGES: 'npm', PERSQL_DISK_RESERVE_MB: '2', PERSQL_READERS: String(toReaderCount(1)) }

/**
 * Starts a launcher like `npm start`, in its own folder and with only these settings; `within` is a command that runs
 * it.
 */
export function launch(folder: string, settings: Record<string, string> = {}, within: string[] = []): LauncherProcess {
  return new LauncherProcess(folder, { PORT: '0', ...CHEAP, ...settings }, within)
}

export class LauncherProcess {
  stdout = ''
  stderr = ''
  readonly #child
  readonly #exited

  constructor(
    folder: string,
    settings: Record<string, string>,
    within: string[],
    program: readonly string[] = [...serverCommand(), 'start'],
  ) {
    const [command = '', ...args] = [...within, ...program]
    const { PATH, HOME } = process.env
    this.#child = spawn(command, args, {
      cwd: folder,
      env: { PATH, HOME, ...(hasReaders ? {} : { PERSQL_READERS: '0' }), ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.#exited = once(this.#child, 'exit')
  }

  get pid(): number {
    return this.#child.pid as number
  }

  /** Resolves when `text` was printed; rejects if the launcher ends first. */
  async printed(text: string): Promise<void> {
    while (!this.stdout.includes(text)) {
      const ended = this.#exited.then(() => 'ended')
      const more = once(this.#child.stdout, 'data').then(
        () => 'more',
        () => 'more',
      )
      if ((await Promise.race([more, ended])) === 'ended') {
        if (this.stdout.includes(text)) return
        throw new Error(`The launcher ended without printing "${text}".\n${this.stdout}\n${this.stderr}`)
      }
    }
  }

  /** Waits for the welcome message and returns its content. */
  async welcome(): Promise<{ url: string; commands: string[] }> {
    await this.printed('Press Ctrl-C to stop.')
    const url = /URL\s+(\S+)/.exec(this.stdout)?.[1] ?? ''
    const commands = [...this.stdout.matchAll(/^curl (?:.*\\\n)*.*$/gm)].map(([command]) => command)
    return { url, commands }
  }

  /** Sends a signal and resolves with the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    this.#child.kill(signal)
    return this.exitCode()
  }

  async exitCode(): Promise<number | null> {
    const [code] = await this.#exited
    return code
  }
}
