import { PerSQLError } from '@persql/contract'

/** The waits of a token after reads that were stopped, by their number. */
const WAITS_MS = [1_000, 10_000, 60_000]
/** The time without a stopped read after which the waits start over. */
const FORGOTTEN_MS = 600_000
const MAX_TOKENS = 10_000

interface Penalty {
  readonly stopped: number
  readonly untilMs: number
}

/** Tokens whose reads were stopped at the time limit. A stopped read can't be billed for its rows, so they wait. */
export class Penalties {
  readonly #known = new Map<string, Penalty>()

  /** @throws PerSQLError `too_busy` while the token has to wait */
  assertMayRead(tokenId: string): void {
    const leftMs = (this.#known.get(tokenId)?.untilMs ?? 0) - Date.now()
    if (leftMs <= 0) return
    const problem = 'A long read of this caller was stopped at the time limit, so its next one has to wait.'
    throw new PerSQLError('too_busy', { problem, seconds: Math.ceil(leftMs / 1000) })
  }

  /** Records a read that was stopped. */
  stopped(tokenId: string): void {
    const known = this.#known.get(tokenId)
    const nowMs = Date.now()
    const stopped = known && nowMs - known.untilMs < FORGOTTEN_MS ? known.stopped + 1 : 1
    const waitMs = WAITS_MS[Math.min(stopped, WAITS_MS.length) - 1] as number
    this.#known.delete(tokenId)
    if (this.#known.size >= MAX_TOKENS) this.#known.delete(this.#known.keys().next().value as string)
    this.#known.set(tokenId, { stopped, untilMs: nowMs + waitMs })
  }
}
