import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Job, LoadResult } from './closed-loop.ts'

/** The parent's handle of the load generator process, which runs one job at a time. */
export class LoadGenerator {
  readonly #child: ChildProcess

  constructor(bundle: string) {
    // A large young generation keeps garbage collection of the client out of the latencies.
    this.#child = fork(bundle, { execArgv: ['--max-semi-space-size=64'] })
  }

  /** Runs a job. Rejects with the response if one was wrong, or when the process ends. */
  async run(job: Job): Promise<LoadResult> {
    const settled = new AbortController()
    const { signal } = settled
    const ended = once(this.#child, 'exit', { signal }).then(() => [{ error: 'The load generator ended.' }])
    ended.catch(() => {})
    this.#child.send(job)
    const [{ result, error }] = await Promise.race([once(this.#child, 'message', { signal }), ended])
    settled.abort()
    if (error !== undefined) throw new Error(error)
    return result
  }

  stop(): void {
    this.#child.disconnect()
  }
}
