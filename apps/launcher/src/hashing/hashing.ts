import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { onLines } from '../lines.ts'
import { chooseAddress, type Transport } from '../listen-address.ts'
import type { Log } from '../log.ts'
import { backOffMs } from '../restarts.ts'
import { inheritedEnvironment, replaceFile } from '../workerd-process.ts'

/** A running process that hashes passwords, restarted whenever it ends. */
export interface Hashing {
  /** The address in workerd's notation: `unix:<path>` or `127.0.0.1:<port>`. */
  readonly address: string
  /** The key that callers must send. */
  readonly key: string
  /** The PID of the current process. */
  pid(): number
  /** Stops the process and its supervision. */
  stop(): Promise<void>
}

export interface HashingOptions {
  /** The data folder. Its `run/` gets the program and the socket. */
  readonly data: string
  /** The built program. Restarts use a copy of it, even if there is another build since. */
  readonly built: string
  readonly log: Log
  /** Default: a socket, except on Windows. */
  readonly transport?: Transport
  /** The number of parallel hashes. Default: one less than the cores, at least 1, at most 8. */
  readonly slots?: number
}

/** Each hash takes 32 MiB. */
const maxSlots = 8
const stableAfterMs = 30_000
const maxErrorLines = 20

/** Starts the process that hashes passwords, and keeps it running. Rejects only if the first start fails. */
export async function startHashing(options: HashingOptions): Promise<Hashing> {
  const { data, built, log, transport = process.platform === 'win32' ? 'port' : 'socket' } = options
  const slots = options.slots ?? Math.min(maxSlots, Math.max(1, availableParallelism() - 1))
  const program = join(data, 'run', 'hashing.cjs')
  await mkdir(join(data, 'run'), { recursive: true })
  await replaceFile(program, await readFile(built))
  const place = await chooseAddress(data, 'hashing', transport)
  const key = randomBytes(32).toString('base64url')
  const start = (address: string) => startProcess(program, address, slots, key)
  const first = await start(place.address).catch(async (cause: Error) => {
    await place.release()
    throw new Error(`The process that hashes passwords failed to start: ${cause.message}`, { cause })
  })
  // Later processes listen at the address of the first, which is in workerd's configuration.
  const { address } = first
  const supervisor = new Supervisor(first, () => start(address), log)
  return {
    address,
    key,
    pid: () => supervisor.pid,
    stop: async () => {
      await supervisor.stop()
      await place.release()
    },
  }
}

/** Starts a process again whenever it ends, immediately and then after an increasing delay. */
class Supervisor {
  readonly #start: () => Promise<HashProcess>
  readonly #log: Log
  readonly #stopping = new AbortController()
  readonly #guarding: Promise<void>
  #current: HashProcess

  constructor(first: HashProcess, start: () => Promise<HashProcess>, log: Log) {
    this.#current = first
    this.#start = start
    this.#log = log
    this.#guarding = this.#guard()
  }

  get pid(): number {
    return this.#current.pid
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#current.kill()
    await this.#guarding
    // A process that started during the call.
    this.#current.kill()
    await this.#current.exited
  }

  async #guard(): Promise<void> {
    for (let crashes = 0; ; ) {
      const startedAt = performance.now()
      const { exited, errors } = this.#current
      const [code, signal] = await exited
      if (this.#stopping.signal.aborted) return
      crashes = performance.now() - startedAt > stableAfterMs ? 1 : crashes + 1
      const reason = errors.length > 0 ? { reason: errors.join('\n') } : {}
      this.#log('error', 'hashing_crashed', { code, signal, crashes, ...reason })
      await this.#restart(crashes)
    }
  }

  async #restart(crashes: number): Promise<void> {
    const { signal } = this.#stopping
    for (let failed = crashes; ; failed++) {
      await delay(backOffMs(failed), undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      try {
        this.#current = await this.#start()
        this.#log('info', 'hashing_restarted', { pid: this.#current.pid })
        return
      } catch (cause) {
        this.#log('error', 'hashing_restart_failed', { reason: String(cause), againInMs: backOffMs(failed + 1) })
      }
    }
  }
}

interface HashProcess {
  readonly pid: number
  readonly address: string
  /** Resolves with the exit code and the signal. */
  readonly exited: Promise<[code: number | null, signal: NodeJS.Signals | null]>
  /** The first lines that it wrote to stderr. */
  readonly errors: readonly string[]
  kill(): void
}

/** Resolves when the process listens; rejects with its error output if it can't start. */
async function startProcess(program: string, address: string, slots: number, key: string): Promise<HashProcess> {
  const child = spawn(process.execPath, [program, address, String(slots)], {
    // The input is open while the launcher is alive. It never receives data.
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...inheritedEnvironment(process.platform, process.env),
      PERSQL_HASHING_KEY: key,
      UV_THREADPOOL_SIZE: String(slots),
    },
    // Ctrl-C in a terminal must reach only the launcher, which stops workerd first.
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  const errors: string[] = []
  onLines(child.stderr, (line) => {
    if (errors.length < maxErrorLines) errors.push(line)
  })
  const exited = once(child, 'close') as HashProcess['exited']
  const listening = await Promise.race([firstLine(child.stdout), exited])
  if (typeof listening !== 'string') throw new Error(errors.join('\n') || 'It ended without an error message.')
  return { pid: child.pid as number, address: listening, exited, errors, kill: () => void child.kill('SIGKILL') }
}

const firstLine = (pipe: Readable): Promise<string> => new Promise((resolve) => onLines(pipe, resolve))
