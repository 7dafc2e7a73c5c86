/** The time between two ticks of a database that is in use. */
export const TICK_MS = 1_000
/** Ticks between two reports while the database is busy. */
const REPORT_TICKS = 4
/**
 * Ticks without a call before credit is returned. This is shorter than the 10 s after which the runtime evicts an idle
 * object.
 */
const IDLE_TICKS = 7

/** The ticks of a database: those without a call, and those since its last report. */
interface TickCounts {
  readonly idle: number
  readonly sinceReport: number
}

/** Returns what is due at a tick. */
export function findDue({ idle, sinceReport }: TickCounts): 'release' | 'report' | undefined {
  if (idle > IDLE_TICKS) return 'release'
  return sinceReport >= REPORT_TICKS && idle < REPORT_TICKS ? 'report' : undefined
}

/** Returns the number of ticks until something is due, if no call arrives before. */
export function countTicksUntilDue({ idle, sinceReport }: TickCounts): number {
  for (let ticks = 1; ; ticks++) {
    if (findDue({ idle: idle + ticks, sinceReport: sinceReport + ticks }) !== undefined) return ticks
  }
}
