import type { Api, Output } from '@persql/contract'

type Usage = Output<Api['get_usage']>
type Spend = Usage['spend']

/** The meters, in the order of the charts. */
export const METERS = [
  ['requests', 'Requests'],
  ['rowsRead', 'Rows read'],
  ['rowsWritten', 'Rows written'],
  ['storageByteHours', 'Storage'],
  ['aiTokens', 'AI tokens'],
] as const
export type Meter = (typeof METERS)[number][0]

/** The costs of one day in dollars, by meter and in total. */
export interface DaySpend {
  /** The UTC date, such as `2026-11-21`. */
  day: string
  costs: Readonly<Record<Meter, number>>
  costUsd: number
}

const DAY_MS = 86_400_000
const NANO = 1e9

/** Returns the last `count` UTC dates up to today, oldest first. */
export const lastDays = (count: number, nowMs: number): string[] =>
  Array.from({ length: count }, (_, back) => new Date(nowMs - (count - 1 - back) * DAY_MS).toISOString().slice(0, 10))

/** Returns the costs of each day, including days without usage. */
export function spendByDay(days: readonly string[], { spend, days: used }: Pick<Usage, 'spend' | 'days'>): DaySpend[] {
  return days.map((day) => {
    const rows = used.filter((row) => row.day === day)
    const sum = (meter: Meter) => rows.reduce((total, row) => total + row[meter], 0)
    const counted = (meter: Meter) => round(sum(meter) * getPrice(spend, meter))
    const costUsd = round(rows.reduce((total, row) => total + row.costUsd, 0))
    const costs = {
      requests: counted('requests'),
      rowsRead: counted('rowsRead'),
      rowsWritten: counted('rowsWritten'),
      aiTokens: counted('aiTokens'),
    }
    const others = Object.values(costs).reduce((total, cost) => total + cost, 0)
    // Storage is charged in whole nano-dollars as it accumulates, so it is the rest of the day's total.
    return { day, costUsd, costs: { ...costs, storageByteHours: Math.max(0, round(costUsd - others)) } }
  })
}

/** Returns the average price per unit of a meter, from all usage so far. */
const getPrice = (spend: Spend, meter: Meter) =>
  spend[meter].quantity === 0 ? 0 : spend[meter].costUsd / spend[meter].quantity

const round = (usd: number) => Math.round(usd * NANO) / NANO

/** A forecast of the balance. */
export interface Forecast {
  /** Average dollars per day over the last 7 days. */
  perDayUsd: number
  /** The time when the balance is empty at that rate. `undefined` if that takes more than 10 years. */
  emptyAt?: string
}

/**
 * Forecasts when the balance is empty at the rate of the last 7 days. For a younger namespace, the rate is the average
 * since it was created.
 */
export function forecast(balanceUsd: number, days: readonly DaySpend[], sinceMs: number, nowMs: number): Forecast {
  const span = Math.min(7, Math.max(1, (nowMs - sinceMs) / DAY_MS))
  const spent = days.slice(-7).reduce((total, { costUsd }) => total + costUsd, 0)
  const perDayUsd = spent / span
  const left = perDayUsd > 0 ? balanceUsd / perDayUsd : Number.POSITIVE_INFINITY
  if (balanceUsd <= 0 || left > 3650) return { perDayUsd }
  return { perDayUsd, emptyAt: new Date(nowMs + left * DAY_MS).toISOString() }
}
