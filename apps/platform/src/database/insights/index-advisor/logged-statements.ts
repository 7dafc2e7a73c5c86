import { tokens } from '../../../sqlite/tokenizer.ts'

/** A statement of the query log. */
export interface Logged {
  readonly sql: string
  /** Rows it has read, as far back as the log goes: how much it matters. */
  readonly weight: number
  /** Rows it read in one run at most. */
  readonly rowsPerRun: number
  /** How long it took at worst. */
  readonly slowestMs: number
}

/** SQL, rows read by all runs, by one at most, and milliseconds at most. */
export type Entry = readonly [string, number, number, number]

/** Batches are logged as one text: each statement takes an equal share of what the batch read. The dearest first. */
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

/** A text of the greatest length may have been cut off, so its last statement does not count. */
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
    return [] // a parameter that nobody may send
  }
  if (text.length < maxLength) parts.push(text.slice(from).trim())
  return parts.filter((part) => part !== '')
}
