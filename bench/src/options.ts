import { parseArgs } from 'node:util'
import type { Effort } from './paired.ts'

export interface Options {
  /** Measures only cases whose name contains this text, `databases`, `neighbors`, `cells`, `transactions` or `soak`, and skips the table of many databases. */
  only: string | undefined
  /** The folder of another checkout, whose platform replaces the floor. */
  against: string | undefined
  effort: Effort
  /** The duration of a soak in minutes. */
  minutes: number
  connections: readonly number[]
  databases: readonly number[]
}

const thorough: Effort = { pairs: 7, roundMs: 1_500, warmUpMs: 1_500 }
const quick: Effort = { pairs: 3, roundMs: 500, warmUpMs: 500 }

/**
 * Parses `--case <text>`, which selects cases by name, `--against <folder>`, which compares with the platform of another
 * checkout, `--pairs <count>` for a longer run, `--minutes <count>` for a soak, and `--quick` for a short, rough run.
 */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      case: { type: 'string' },
      against: { type: 'string' },
      pairs: { type: 'string' },
      minutes: { type: 'string' },
      quick: { type: 'boolean' },
    },
  })
  const effort = values.quick ? quick : thorough
  return {
    only: values.case,
    against: values.against,
    effort: values.pairs === undefined ? effort : { ...effort, pairs: pairCount(values.pairs) },
    minutes: values.minutes === undefined ? 60 : minuteCount(values.minutes),
    connections: [1, 16],
    databases: values.quick ? [1, 100] : [1, 100, 1_000],
  }
}

function minuteCount(text: string): number {
  const count = Number(text)
  if (!(count >= 3)) throw new Error('--minutes takes a number of at least 3.')
  return count
}

function pairCount(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 2) throw new Error('--pairs takes a whole number of at least 2.')
  return count
}
