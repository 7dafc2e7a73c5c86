import { type ChildProcess, spawn } from 'node:child_process'

/**
 * Reads `+ <pid>` and `- <pid>`. When the input ends, the launcher has ended, however it did, and the remaining processes
 * are killed.
 */
const program = `pids=
while read -r change pid; do
  if [ "$change" = + ]; then pids="$pids $pid"; continue; fi
  left=
  for known in $pids; do [ "$known" = "$pid" ] || left="$left $known"; done
  pids=$left
done
kill -KILL $pids`

/** Ends processes together with the launcher, even if it gets SIGKILL. Systems without a POSIX shell have no guard. */
export class ProcessGuard {
  readonly #pids = new Set<number>()
  #shell: ChildProcess | undefined

  /** Guards a process until it ends. Call it before the process does anything that outlives it. */
  add(child: ChildProcess): void {
    const { pid } = child
    if (pid === undefined || process.platform === 'win32') return
    this.#pids.add(pid)
    if (this.#shell === undefined) this.#start()
    else this.#send(`+ ${pid}`)
    child.once('exit', () => {
      this.#pids.delete(pid)
      this.#send(`- ${pid}`)
    })
  }

  #start(): void {
    // With a process group of its own, Ctrl-C in a terminal doesn't reach it.
    const shell = spawn('/bin/sh', ['-c', program], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
    this.#shell = shell
    const replace = (): void => {
      if (this.#shell !== shell) return
      this.#shell = undefined
      if (this.#pids.size > 0) this.#start()
    }
    shell.on('exit', replace).on('error', () => {
      // Without a shell, processes of a killed launcher run until the next launcher ends them.
    })
    shell.stdin?.on('error', () => {
      // The guard has ended, and is replaced.
    })
    // The guard must not keep the launcher from ending.
    shell.unref()
    ;(shell.stdin as unknown as { unref(): void } | null)?.unref()
    for (const pid of this.#pids) this.#send(`+ ${pid}`)
  }

  #send(line: string): void {
    this.#shell?.stdin?.write(`${line}\n`)
  }
}

/** The guard of all processes that this one starts. */
export const processGuard = new ProcessGuard()
