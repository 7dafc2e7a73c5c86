import { toUtcDay } from '../../../clock.ts'

/** The largest size of a database, with its snapshots, at the samples of one UTC day. */
export interface DaySample {
  readonly day: string
  readonly bytes: number
}

/** The samples that the storage bill of a database is based on. */
export interface DaySamples {
  /** The smallest size since the last sample. */
  readonly lowBytes: number
  /** The last two days with samples, oldest first: a day is closed a little after its end. */
  readonly days: readonly DaySample[]
}

export const NO_SAMPLES: DaySamples = Object.freeze({ lowBytes: 0, days: Object.freeze([]) })

/** A database that grew by more than this since its last sample is sampled immediately. */
export const GROWN_BYTES = 100_000_000

/** Records the size at a time. Returns the same object if nothing changed. */
export function observe(samples: DaySamples, bytes: number, atMs: number): DaySamples {
  if (bytes > samples.lowBytes + GROWN_BYTES) return takeSample(samples, bytes, toUtcDay(atMs))
  return bytes < samples.lowBytes ? { ...samples, lowBytes: bytes } : samples
}

/** Takes a sample for a day. The largest sample of a day counts, so a repeated sample changes nothing. */
export function takeSample({ days }: DaySamples, bytes: number, day: string): DaySamples {
  const before = days.find((sample) => sample.day === day)?.bytes ?? 0
  const changed = [...days.filter((sample) => sample.day !== day), { day, bytes: Math.max(bytes, before) }]
  return { lowBytes: bytes, days: changed.sort((a, b) => (a.day < b.day ? -1 : 1)).slice(-2) }
}
