import type { QueryResult } from '@persql/sdk'
import { count, money } from '../format-output.ts'

/** Formats rows, time and cost of statements. */
export function costLine(results: readonly QueryResult[], ms?: number): string {
  const sum = (of: (result: QueryResult) => number) => results.reduce((total, one) => total + of(one), 0)
  const changes = sum(({ changes = 0 }) => changes)
  const meta = results[0]?.meta
  const parts = [
    results.some(({ columns }) => columns.length > 0) &&
      count(
        sum(({ rows }) => rows.length),
        'row',
      ),
    changes > 0 && `${changes} changed`,
    `${sum(({ rowsRead }) => rowsRead)} read`,
    `${sum(({ rowsWritten }) => rowsWritten)} written`,
    ms !== undefined ? `${Math.round(ms)} ms` : meta && `${meta.durationMs} ms`,
    meta && money(meta.costUsd),
  ]
  return `(${parts.filter(Boolean).join(', ')})`
}
