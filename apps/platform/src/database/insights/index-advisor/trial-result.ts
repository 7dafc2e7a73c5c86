import { type Candidate, isPrefix, type TableShape } from './candidates.ts'
import type { Examined } from './workload.ts'

/** A statement to be tried, with the candidates (by number) that were made for it. */
export interface Trial extends Examined {
  readonly candidates: readonly number[]
}

/** What a statement reads in one run, on average over the samples, without and with an index. */
export interface Gain {
  readonly trial: number
  readonly before: number
  readonly after: number
  /** Other candidates that it takes as well, where this one alone does not do it. */
  readonly together: readonly number[]
}

/** A candidate with the statements that gain by it. */
export interface TrialResult {
  readonly candidate: number
  readonly gains: readonly Gain[]
}

const MAX_KEPT = 10
/** Fewer rows than this are not worth a row written for every insert. */
const MIN_SAVED = 100
/** Between readings below this there is no difference, so that the narrower index wins. */
const FEW = 20

/** Whether an index makes enough of a difference to a statement: half of the rows, and not just a few. */
export const worthwhile = ({ before, after }: { before: number; after: number }): boolean =>
  after * 2 <= before && before - after >= MIN_SAVED

/** Candidates in the order in which they are to be kept: by what they save of all that was read. */
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

/** Of those proved, in their order, the ones that no other makes needless. */
export function needed(proofs: readonly TrialResult[], candidates: readonly Candidate[]): TrialResult[] {
  const covers = (b: number, a: number) => {
    const [wide, narrow] = [candidates[b], candidates[a]]
    if (!wide || !narrow || wide.table !== narrow.table || wide.terms.length <= narrow.terms.length) return false
    return isPrefix(narrow.terms, wide.terms)
  }
  return proofs.filter(({ candidate: a }) => !proofs.some(({ candidate: b }) => covers(b, a))).slice(0, MAX_KEPT)
}

/** Tables by what candidates need to know of them. */
export type Shapes = readonly Pick<TableShape, 'name' | 'columns'>[]
