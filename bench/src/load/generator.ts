import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Job, LoadResult } from './closed-loop.ts'

/** The load generator's process as its parent sees it: one job at a time. */
export class LoadGenerator {
  readonly #child: ChildProcess

  constructor(bundle: string) {
    // A young generation this large keeps the client's own collector out of the latencies.
    this.#child = fork(bundle, { execArgv: ['--max-semi-space-size=64'] })
  }

  /** Rejects when an answer was wrong, with the answer, and when the process ends. */
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
