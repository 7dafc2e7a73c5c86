import { diskStatus } from '../disk-space.ts'

const MAX_KNOWN = 10_000
/** The time in which the launcher reports why SQLite failed. */
const REPORT_MS = 2_000
const POLL_MS = 5
/** The runtime's message for a failure whose cause is only in its log. */
const REFERENCE = /internal error; reference = (\w+)/

/** SQLite's failures by their reference in the runtime's log. The launcher, which reads that log, reports them. */
const failures = new Map<string, string>()

/** Records why SQLite failed. `message` ends with its code. */
export function noteSqliteFailure(reference: string, message: string): void {
  if (failures.size >= MAX_KNOWN) failures.clear()
  failures.set(reference, message)
}

/** Like `findSqliteFailure`, for a failure of any object. Without a launcher, which measures the disk, nothing is reported. */
export const explainFailure = async (failure: unknown): Promise<unknown> =>
  diskStatus() === undefined ? failure : findSqliteFailure(failure)

/** Returns SQLite's failure behind the runtime's general error, if the launcher reports it in time. */
export async function findSqliteFailure(failure: unknown): Promise<unknown> {
  const [, reference] = REFERENCE.exec(String(failure)) ?? []
  if (reference === undefined) return failure
  const untilMs = Date.now() + REPORT_MS
  while (!failures.has(reference) && Date.now() < untilMs) await scheduler.wait(POLL_MS)
  const message = failures.get(reference)
  failures.delete(reference)
  return message === undefined ? failure : new Error(message, { cause: failure })
}
