import { PerSQLError } from '@persql/contract'
import { count, gauge } from './metrics/metrics.ts'

// The disk of this process. The launcher measures it on a single machine. On Cloudflare nothing is measured, and nothing
// is refused.

/** The free space of the volume that holds the data folder, in bytes. */
export interface DiskMeasurement {
  readonly freeBytes: number
  /** Below this, what stores new data is refused. */
  readonly reserveBytes: number
}

/** The use of the disk by a step: it stores new data, or it only removes data and needs little room for that. */
export type DiskUse = 'stores' | 'removes'

/**
 * The room on the disk: 0 enough, 1 less than the reserve, 2 so little that only reads run, 3 none: a write would fail
 * and end its object.
 */
type Level = 0 | 1 | 2 | 3

/** The last tenth of the reserve, up to 100 MB, is for reads: opening files, and saving what they cost. */
const MAX_FLOOR_BYTES = 100 * 1024 * 1024
const MAX_MINIMUM_BYTES = 1024 * 1024
const STATUS = ['ok', 'low', 'full', 'full'] as const

let measured: DiskMeasurement | undefined

/** The current room. The hot path compares `level` only. */
export const disk: { level: Level } = { level: 0 }

/** Takes a new measurement. Calls are refused, or served again, from now on. */
export function setDiskSpace(measurement: DiskMeasurement): void {
  measured = measurement
  const { freeBytes, reserveBytes } = measurement
  disk.level = toLevel(measurement)
  gauge('persql_disk_free_bytes', freeBytes)
  gauge('persql_disk_reserve_bytes', reserveBytes)
}

/** Returns the status of the disk: `low` below the reserve, `full` if only reads run; `undefined` if it isn't measured. */
export const diskStatus = (): (typeof STATUS)[number] | undefined => measured && STATUS[disk.level]

/** Checks that the disk has room for this use. @throws PerSQLError `storage_full` */
export function assertRoom(use: DiskUse): void {
  if (disk.level === 0 || (disk.level === 1 && use === 'removes')) return
  throw storageFull()
}

/**
 * Checks that a temporary file of this size fits, without the room that reads need. Call it at any level: a large file
 * could fill the disk before the next measurement.
 * @throws PerSQLError `storage_full`
 */
export function assertRoomFor(bytes: number): void {
  if (measured && measured.freeBytes - bytes < floorBytes(measured)) throw storageFull()
}

/** Creates the error for a full disk, and counts it. */
export function storageFull(cause?: unknown): PerSQLError {
  count('persql_storage_refusals_total')
  return new PerSQLError('storage_full', {}, { cause })
}

function toLevel(measurement: DiskMeasurement): Level {
  const { freeBytes, reserveBytes } = measurement
  const floor = floorBytes(measurement)
  if (freeBytes >= reserveBytes) return 0
  if (freeBytes >= floor) return 1
  return freeBytes >= Math.min(MAX_MINIMUM_BYTES, floor / 10) ? 2 : 3
}

const floorBytes = ({ reserveBytes }: DiskMeasurement): number => Math.min(MAX_FLOOR_BYTES, reserveBytes / 10)
