import { parseArgs } from 'node:util'
import type { Effort } from './paired.ts'

export interface Options {
  /** Measures only cases whose name contains this text, and skips the table of many databases. */
  only: string | undefined
  effort: Effort
  connections: readonly number[]
  databases: readonly number[]
}

const thorough: Effort = { pairs: 7, roundMs: 1_500, warmUpMs: 1_500 }
const quick: Effort = { pairs: 3, roundMs: 500, warmUpMs: 500 }

/** Parses `--case <text>`, which selects cases by name, and `--quick` for a short, rough run. */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({ args, options: { case: { type: 'string' }, quick: { type: 'boolean' } } })
  return {
    only: values.case,
    effort: values.quick ? quick : thorough,
    connections: [1, 16],
    databases: values.quick ? [1, 100] : [1, 100, 1_000],
  }
}
