import { tokens } from '../../../sqlite/tokenizer.ts'

/** A statement of the query log. */
export interface Logged {
  readonly sql: string
  /** Rows read by all logged runs, the weight of the statement. */
  readonly weight: number
  /** Maximum number of rows read by one run. */
  readonly rowsPerRun: number
  /** Duration of the slowest run. */
  readonly slowestMs: number
}

/** SQL, rows read by all runs, maximum rows read by one run, and maximum duration in milliseconds. */
export type Entry = readonly [string, number, number, number]

/**
 * Returns the distinct statements, most expensive first. A batch is logged as one text, so each of its statements gets
 * an equal share of the rows.
 */
export function distinctStatements(log: readonly Entry[], maxLength: number): Logged[] {
  const byText = new Map<string, Logged>()
  for (const [text, rowsRead, mostRows, slowestMs] of log) {
    const parts = split(text, maxLength)
    for (const sql of parts) {
      const known = byText.get(sql)
      byText.set(sql, {
        sql,
        weight: (known?.weight ?? 0) + rowsRead / parts.length,
        rowsPerRun: Math.max(known?.rowsPerRun ?? 0, mostRows / parts.length),
        slowestMs: Math.max(known?.slowestMs ?? 0, slowestMs),
      })
    }
  }
  return [...byText.values()].sort((a, b) => b.weight - a.weight)
}

/**
 * Splits a text into statements. The log can cut texts at the maximum length, so the last statement of such a text is
 * dropped.
 */
function split(text: string, maxLength: number): string[] {
  const parts: string[] = []
  let from = 0
  try {
    for (const { kind, start, end } of tokens(text)) {
      if (kind !== 'semicolon') continue
      parts.push(text.slice(from, start).trim())
      from = end
    }
  } catch {
    return [] // a parameter that callers can't send
  }
  if (text.length < maxLength) parts.push(text.slice(from).trim())
  return parts.filter((part) => part !== '')
}
