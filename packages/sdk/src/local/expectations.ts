import type { Count } from '../types.ts'
import type { WireResult } from '../values.ts'
import { createError } from './sql-error.ts'
import type { WireStatement } from './statements.ts'

/** Compares the counts of a result with the expected ones. @throws PerSQLError `expectation_failed` */
export function assertExpected({ expect = {} }: WireStatement, result: WireResult, number: number): void {
  for (const [name, count, actual] of [
    ['rows', expect.rows, result.rows.length],
    ['rowsWritten', expect.rowsWritten, result.rowsWritten],
  ] as const) {
    if (meets(count, actual)) continue
    const message = `Statement ${number}: expected "${name}" to be ${describe(count)}, but got ${actual}.`
    throw createError(409, 'expectation_failed', message)
  }
}

function meets(wanted: Count | undefined, count: number): boolean {
  if (wanted === undefined) return true
  if (typeof wanted === 'number') return count === wanted
  return count >= (wanted.min ?? 0) && count <= (wanted.max ?? Number.POSITIVE_INFINITY)
}

/** Formats an expected count: `1`, `at least 1`, `at most 3`, `1 to 3`. */
function describe(count: Count | undefined): string {
  if (typeof count !== 'object') return `${count}`
  if (count.max === undefined) return `at least ${count.min}`
  return count.min === undefined ? `at most ${count.max}` : `${count.min} to ${count.max}`
}
