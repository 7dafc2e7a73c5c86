const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** 1970-01-01 was a Thursday, and weeks start on Monday. */
const mondayMs = 3 * dayMs

const periods = {
  h: (time: number) => Math.floor(time / hourMs),
  d: (time: number) => Math.floor(time / dayMs),
  w: (time: number) => Math.floor((time + mondayMs) / (7 * dayMs)),
}

/** Keeps the newest backup of each of the last `count` hours, days or weeks in UTC, the current one included. */
export interface KeepRule {
  readonly count: number
  readonly unit: keyof typeof periods
}

/**
 * Reads the rules of `--keep`, such as `24h,7d,4w`.
 * @throws Error if the text has another form
 */
export function parseKeep(text: string): KeepRule[] {
  const rules = text.split(',').map((part) => {
    const [, count, unit] = /^\s*([1-9]\d{0,4})([hdw])\s*$/.exec(part) ?? []
    return count && unit ? [{ count: Number(count), unit: unit as KeepRule['unit'] }] : []
  })
  const units = rules.flat().map(({ unit }) => unit)
  if (rules.some((rule) => rule.length === 0) || new Set(units).size < units.length) {
    throw new Error(`Invalid value "${text}" of --keep. Expected hours, days and weeks, such as 24h,7d,4w.`)
  }
  return rules.flat()
}

/**
 * Returns which of the times of backups to keep, in milliseconds: those of the rules, always the newest, and those in the
 * future, whose clock was wrong.
 */
export function selectKept(times: readonly number[], rules: readonly KeepRule[], now: number): Set<number> {
  const newestFirst = [...times].sort((one, other) => other - one)
  const kept = new Set(newestFirst.filter((time, index) => index === 0 || time > now))
  for (const { count, unit } of rules) {
    const toPeriod = periods[unit]
    const seen = new Set<number>()
    for (const time of newestFirst) {
      const period = toPeriod(time)
      if (time > now || period <= toPeriod(now) - count || seen.has(period)) continue
      seen.add(period)
      kept.add(time)
    }
  }
  return kept
}

/** Returns the time in the name of a manifest, `backups/<ISO time, with - instead of :>.json` or `.json.gz`, in milliseconds. */
export function parseManifestTime(name: string): number | undefined {
  const [, hour, minute, second] =
    /^backups\/(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d(?:\.\d+)?Z)\.json(?:\.gz)?$/.exec(name) ?? []
  const time = Date.parse(`${hour}:${minute}:${second}`)
  return Number.isNaN(time) ? undefined : time
}
