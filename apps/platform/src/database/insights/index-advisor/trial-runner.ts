import type { IndexBenchmark, Prepared } from './benchmark.ts'
import type { Candidate } from './candidates.ts'
import { type Gain, needed, ranked, type Shapes, type Trial, type TrialResult, worthwhile } from './trial-result.ts'

/** Time limit, after which no more candidates are tested. */
const MAX_TOTAL_MS = 20_000
/** Number of joins for which indexes on several tables are tested together. */
const MAX_JOINS = 10

/**
 * Finds the candidates that help. It tests each alone and, for joins, the set that the planner chooses from all,
 * because one index can be useless without another. Then it keeps the best ones as long as each still helps beside the
 * others.
 */
export class TrialRunner {
  readonly #bench: IndexBenchmark
  readonly #trials: readonly Trial[]
  readonly #candidates: readonly Candidate[]
  readonly #untilMs = Date.now() + MAX_TOTAL_MS
  readonly #prepared: Prepared[] = []
  /** Rows that a statement reads with all kept indexes. */
  readonly #rowsRead = new Map<Prepared, number>()

  constructor(bench: IndexBenchmark, trials: readonly Trial[], candidates: readonly Candidate[]) {
    this.#bench = bench
    this.#trials = trials
    this.#candidates = candidates
  }

  async prove(shapes: Shapes): Promise<TrialResult[]> {
    for (const [i, trial] of this.#trials.entries()) {
      const prepared =
        this.#isOver() || trial.candidates.length === 0 ? undefined : await this.#bench.prepare(i, trial, shapes)
      if (!prepared || !worthwhile({ before: prepared.baseline, after: 0 })) continue
      this.#prepared.push(prepared)
      this.#rowsRead.set(prepared, prepared.baseline)
    }
    const alone: Gain[][] = []
    for (const i of this.#candidates.keys()) alone.push(await this.#alone(i))
    const weights = this.#trials.map(({ weight }) => weight)
    const proofs: TrialResult[] = []
    for (const i of ranked(this.#candidates, alone, weights)) proofs.push(...(await this.#keep([i], alone, weights)))
    for (const one of this.#prepared.filter(({ trial }) => this.#isJoin(trial)).slice(0, MAX_JOINS)) {
      proofs.push(...(await this.#keep(await this.#chosen(one), alone, weights)))
    }
    return this.#without(proofs)
  }

  /** Measures a candidate alone for the statements that it was proposed for. */
  async #alone(candidate: number): Promise<Gain[]> {
    const gains: Gain[] = []
    const concerned = this.#prepared.filter(({ trial }) => this.#trials[trial]?.candidates.includes(candidate))
    if (concerned.length === 0 || this.#isOver()) return gains
    await this.#bench.make(candidate)
    for (const one of concerned) {
      if (this.#bench.taken(one).length === 0) continue
      const after = await this.#bench.measure(one)
      if (after !== undefined) gains.push({ trial: one.trial, before: one.baseline, after, together: [] })
    }
    this.#bench.drop(candidate)
    return gains
  }

  /** Returns the candidates that the planner uses for a statement if all are available. */
  async #chosen(one: Prepared): Promise<number[]> {
    if (this.#isOver()) return []
    const more = (this.#trials[one.trial]?.candidates ?? []).filter((i) => !this.#bench.isMade(i))
    for (const i of more) await this.#bench.make(i)
    const taken = new Set(this.#bench.taken(one))
    for (const i of more) this.#bench.drop(i)
    return more.filter((i) => taken.has(i))
  }

  /** Keeps indexes that help beside the kept ones, and whose total gain exceeds the harm to other statements. */
  async #keep(
    candidates: readonly number[],
    alone: readonly Gain[][],
    weights: readonly number[],
  ): Promise<TrialResult[]> {
    if (this.#isOver() || candidates.length === 0) return []
    for (const i of candidates) await this.#bench.make(i)
    const gains: Gain[] = []
    const readings: (readonly [Prepared, number])[] = []
    let net = 0
    for (const one of this.#prepared) {
      const taken = this.#bench.taken(one)
      if (!taken.some((i) => candidates.includes(i))) continue
      const after = await this.#bench.measure(one)
      if (after === undefined) continue
      const before = this.#rowsRead.get(one) ?? one.baseline
      net += ((weights[one.trial] ?? 0) * (before - after)) / one.baseline
      readings.push([one, after])
      gains.push({ trial: one.trial, before, after, together: taken })
    }
    if (net <= 0 || !gains.some(worthwhile)) {
      for (const i of candidates) this.#bench.drop(i)
      return []
    }
    for (const [one, after] of readings) this.#rowsRead.set(one, after)
    return candidates.map((candidate) => ({ candidate, gains: listGains(candidate, gains, alone[candidate] ?? []) }))
  }

  /** Drops indexes that a wider one makes redundant, and measures the wider one for their statements. */
  async #without(proofs: readonly TrialResult[]): Promise<TrialResult[]> {
    const rest = needed(proofs, this.#candidates).map((proof) => ({ ...proof, gains: [...proof.gains] }))
    const left = proofs.filter(({ candidate }) => !rest.some((proof) => proof.candidate === candidate))
    for (const { candidate } of left) this.#bench.drop(candidate)
    for (const gain of left.flatMap(({ gains }) => gains)) {
      const one = this.#prepared.find(({ trial }) => trial === gain.trial)
      if (!one) continue
      const taken = this.#bench.taken(one)
      const wider = rest.find(({ candidate }) => taken.includes(candidate))
      const after = wider && (await this.#bench.measure(one))
      if (after === undefined || wider?.gains.some(({ trial }) => trial === gain.trial)) continue
      const measured = { ...gain, after: Math.round(after) }
      if (worthwhile(measured)) wider?.gains.push(measured)
    }
    return rest
  }

  #isJoin(trial: number): boolean {
    return new Set(this.#trials[trial]?.candidates.map((i) => this.#candidates[i]?.table)).size > 1
  }

  #isOver(): boolean {
    return Date.now() > this.#untilMs
  }
}

/**
 * Returns the reported gains of a candidate: those it has alone, or those with other candidates where it does little
 * alone.
 */
function listGains(candidate: number, beside: readonly Gain[], alone: readonly Gain[]): Gain[] {
  return beside
    .filter((gain) => worthwhile(gain) && gain.together.includes(candidate))
    .map((gain) => {
      const own = alone.find(({ trial }) => trial === gain.trial)
      return own && worthwhile(own) ? own : { ...gain, together: gain.together.filter((i) => i !== candidate) }
    })
    .map((gain) => ({ ...gain, before: Math.round(gain.before), after: Math.round(gain.after) }))
}
