import { type Candidate, isPrefix, type TableShape } from './candidates.ts'
import type { Examined } from './workload.ts'

/** A statement to test, with the numbers of its candidates. */
export interface Trial extends Examined {
  readonly candidates: readonly number[]
}

/** Average number of rows that a statement reads per run, without and with an index. */
export interface Gain {
  readonly trial: number
  readonly before: number
  readonly after: number
  /** Other candidates that the planner uses with it, if this one alone doesn't help. */
  readonly together: readonly number[]
}

/** A candidate with the statements that it speeds up. */
export interface TrialResult {
  readonly candidate: number
  readonly gains: readonly Gain[]
}

const MAX_KEPT = 10
/** Minimum number of saved rows that justifies the index write of every insert. */
const MIN_SAVED = 100
/** Differences below this number of rows are ignored, so the narrower index wins. */
const FEW = 20

/** Returns whether an index saves at least half of the rows and `MIN_SAVED` rows. */
export const worthwhile = ({ before, after }: { before: number; after: number }): boolean =>
  after * 2 <= before && before - after >= MIN_SAVED

/** Returns candidates ordered by the rows that they save in total. */
export function ranked(
  candidates: readonly Candidate[],
  gains: readonly (readonly Gain[])[],
  weights: readonly number[],
): number[] {
  const share = ({ trial, before, after }: Gain) => (weights[trial] ?? 0) * (1 - Math.max(after, FEW) / before)
  const scores = gains.map((list) => list.filter(worthwhile).reduce((sum, gain) => sum + share(gain), 0))
  const width = (i: number) => candidates[i]?.terms.length ?? 0
  return [...scores.keys()]
    .filter((i) => (scores[i] ?? 0) > 0)
    .sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || width(a) - width(b) || a - b)
}

/** Returns the results that no other index makes redundant, in their order. */
export function needed(proofs: readonly TrialResult[], candidates: readonly Candidate[]): TrialResult[] {
  const covers = (b: number, a: number) => {
    const [wide, narrow] = [candidates[b], candidates[a]]
    if (!wide || !narrow || wide.table !== narrow.table || wide.terms.length <= narrow.terms.length) return false
    return isPrefix(narrow.terms, wide.terms)
  }
  return proofs.filter(({ candidate: a }) => !proofs.some(({ candidate: b }) => covers(b, a))).slice(0, MAX_KEPT)
}

/** The parts of tables that candidates depend on. */
export type Shapes = readonly Pick<TableShape, 'name' | 'columns'>[]
