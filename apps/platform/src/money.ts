import { rates } from '@persql/contract'

/** The counters of one database since its creation. They only grow. */
export interface Totals {
  readonly requests: number
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly aiTokens: number
}

export const NOTHING: Totals = Object.freeze({ requests: 0, rowsRead: 0, rowsWritten: 0, aiTokens: 0 })
export const REQUEST_NANO: number = rates.requests

/** Returns the cost in nano-dollars: an integer, exact up to 9 million dollars per database. */
export const costNano = ({ requests, rowsRead, rowsWritten, aiTokens }: Totals): number =>
  requests * rates.requests + rowsRead * rates.rowsRead + rowsWritten * rates.rowsWritten + aiTokens * rates.aiTokens

export const add = (a: Totals, b: Totals): Totals => ({
  requests: a.requests + b.requests,
  rowsRead: a.rowsRead + b.rowsRead,
  rowsWritten: a.rowsWritten + b.rowsWritten,
  aiTokens: a.aiTokens + b.aiTokens,
})

/** Returns the usage in `reported` that isn't in `seen` yet: zero for a repeated or outdated report. */
export const growth = (seen: Totals, reported: Totals): Totals => ({
  requests: Math.max(0, reported.requests - seen.requests),
  rowsRead: Math.max(0, reported.rowsRead - seen.rowsRead),
  rowsWritten: Math.max(0, reported.rowsWritten - seen.rowsWritten),
  aiTokens: Math.max(0, reported.aiTokens - seen.aiTokens),
})

/** Converts nano-dollars to dollars. The result prints as the exact decimal for up to 15 digits. */
export const usd = (nano: number): number => nano / 1e9

/** Parses a dollar amount into nano-dollars. @throws Error for other text and for more than 9 decimals */
export function parseUsdNano(dollars: string): number {
  const match = /^(-?)(\d{1,7})(?:\.(\d{1,9}))?$/.exec(dollars.trim())
  if (!match) throw new Error(`Invalid amount "${dollars}". Expected US dollars.`)
  const nano = Number(match[2]) * 1e9 + Number((match[3] ?? '').padEnd(9, '0'))
  return match[1] ? -nano : nano
}
