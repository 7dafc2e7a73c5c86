import { PerSQLError } from '@persql/contract'
import type { Count, StatementInput } from '../calls/call.ts'
import type { Result } from './result.ts'

/** Checks that a statement had the effect its caller expects. @throws PerSQLError `expectation_failed` */
export function assertExpected(
  { expect }: StatementInput,
  { rows, rowsWritten }: Pick<Result, 'rowsWritten'> & { readonly rows: { readonly length: number } },
): void {
  if (expect === undefined) return
  for (const [name, actual] of [
    ['rows', rows.length],
    ['rowsWritten', rowsWritten],
  ] as const) {
    const count = expect[name]
    if (count === undefined || within(count, actual)) continue
    const expected = `"${name}" to be ${describe(count)}`
    // A batch puts the index of its statement in place of 0.
    throw new PerSQLError('expectation_failed', { statement: 0, expected, actual: `${actual}` })
  }
}

function within(count: Count, actual: number): boolean {
  if (typeof count === 'number') return actual === count
  return actual >= (count.min ?? 0) && actual <= (count.max ?? Number.POSITIVE_INFINITY)
}

function describe(count: Count): string {
  if (typeof count === 'number') return `${count}`
  if (count.max === undefined) return `at least ${count.min}`
  return count.min === undefined ? `at most ${count.max}` : `${count.min} to ${count.max}`
}
