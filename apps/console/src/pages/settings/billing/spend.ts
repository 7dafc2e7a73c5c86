import type { Api, Output } from '@persql/contract'

type Usage = Output<Api['get_usage']>
type Spend = Usage['spend']

/** What is paid for, in the order of the charts. */
export const METERS = [
  ['requests', 'Requests'],
  ['rowsRead', 'Rows read'],
  ['rowsWritten', 'Rows written'],
  ['storageByteHours', 'Storage'],
  ['aiTokens', 'AI tokens'],
] as const
export type Meter = (typeof METERS)[number][0]

/** What one day cost, in dollars, by meter and as a whole. */
export interface DaySpend {
  /** UTC, `2026-11-21`. */
  day: string
  costs: Readonly<Record<Meter, number>>
  costUsd: number
}

const DAY_MS = 86_400_000
const NANO = 1e9

/** The last `count` UTC days until now, the oldest first. */
export const lastDays = (count: number, nowMs: number): string[] =>
  Array.from({ length: count }, (_, back) => new Date(nowMs - (count - 1 - back) * DAY_MS).toISOString().slice(0, 10))

/** What each of these days cost, days without any use too. */
export function spendByDay(days: readonly string[], { spend, days: used }: Pick<Usage, 'spend' | 'days'>): DaySpend[] {
  return days.map((day) => {
    const rows = used.filter((row) => row.day === day)
    const sum = (meter: Meter) => rows.reduce((total, row) => total + row[meter], 0)
    const counted = (meter: Meter) => round(sum(meter) * priceOf(spend, meter))
    const costUsd = round(rows.reduce((total, row) => total + row.costUsd, 0))
    const costs = {
      requests: counted('requests'),
      rowsRead: counted('rowsRead'),
      rowsWritten: counted('rowsWritten'),
      aiTokens: counted('aiTokens'),
    }
    const others = Object.values(costs).reduce((total, cost) => total + cost, 0)
    // Storage is charged in whole nano-dollars as it adds up, so it is what the others leave of the day.
    return { day, costUsd, costs: { ...costs, storageByteHours: Math.max(0, round(costUsd - others)) } }
  })
}

/** Dollars for one of a meter: what was used so far cost just this. */
const priceOf = (spend: Spend, meter: Meter) =>
  spend[meter].quantity === 0 ? 0 : spend[meter].costUsd / spend[meter].quantity

const round = (usd: number) => Math.round(usd * NANO) / NANO

/** How long the balance lasts. */
export interface Forecast {
  /** Dollars a day, over the last seven days. */
  perDayUsd: number
  /** When the balance is used up at that pace; `undefined` when it is not within ten years. */
  emptyAt?: string
}

/**
 * Says when the balance runs out at the pace of the last seven days. What is younger than that is judged by the days it
 * has been there.
 */
export function forecast(balanceUsd: number, days: readonly DaySpend[], sinceMs: number, nowMs: number): Forecast {
  const span = Math.min(7, Math.max(1, (nowMs - sinceMs) / DAY_MS))
  const spent = days.slice(-7).reduce((total, { costUsd }) => total + costUsd, 0)
  const perDayUsd = spent / span
  const left = perDayUsd > 0 ? balanceUsd / perDayUsd : Number.POSITIVE_INFINITY
  if (balanceUsd <= 0 || left > 3650) return { perDayUsd }
  return { perDayUsd, emptyAt: new Date(nowMs + left * DAY_MS).toISOString() }
}
