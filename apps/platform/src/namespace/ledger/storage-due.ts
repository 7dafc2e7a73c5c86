import { toUtcDay } from '../../clock.ts'
import type { DaySample } from '../../database/metering/size/day-samples.ts'

/** The part of a period that is billed already. */
export interface BilledStorage {
  /** The largest sample of the period so far. */
  readonly bytes: number
  readonly byteHours: number
}

/** The time that one bill of storage covers. It ends at midnight, UTC. */
export interface StoragePeriod {
  readonly startMs: number
  readonly endMs: number
}

export const NOT_BILLED: BilledStorage = Object.freeze({ bytes: 0, byteHours: 0 })

const HOUR_MS = 60 * 60 * 1000

/**
 * Returns what the samples add to the bill of a period: its largest sample, for the full hours of the period and at most
 * 24. Samples of other days add nothing.
 */
export function toBill(
  billed: BilledStorage,
  { startMs, endMs }: StoragePeriod,
  samples: readonly DaySample[],
): { readonly billed: BilledStorage; readonly dueByteHours: number } {
  const [first, last] = [toUtcDay(startMs), toUtcDay(endMs - 1)]
  const own = samples.filter(({ day }) => day >= first && day <= last)
  const bytes = Math.max(billed.bytes, ...own.map((sample) => sample.bytes))
  const byteHours = bytes * Math.min(24, Math.floor((endMs - startMs) / HOUR_MS))
  const dueByteHours = Math.max(0, byteHours - billed.byteHours)
  return { billed: { bytes, byteHours: billed.byteHours + dueByteHours }, dueByteHours }
}
