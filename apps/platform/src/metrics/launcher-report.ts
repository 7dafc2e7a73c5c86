import * as z from 'zod'
import type { Sample } from './exposition.ts'

const Count = z.int().min(0)
const Process = z.strictObject({
  process: z.string().regex(/^(launcher|workerd|hashing|reader-\d{1,3})$/),
  residentBytes: Count,
  openFds: Count.optional(),
  cpuSeconds: z.number().min(0),
})

/** The state of the processes of this cell, which only the launcher knows. All counts start with the launcher. */
export const LauncherReport = z.strictObject({
  cell: z.int().min(0),
  processes: z.array(Process).max(200),
  /** The number of readers that run. */
  readers: Count,
  readerCrashes: Count,
  /** Restarts of the cell by their reason. */
  restarts: z.strictObject({ blocked: Count, not_listening: Count, exited: Count, quota: Count, disk: Count }),
  /** The write-ahead logs of databases: their bytes, and how many the launcher shortened. */
  logs: z.strictObject({ bytes: Count, shortened: Count }),
  /** The last backup, if there is one. */
  backup: z
    .strictObject({ atMs: z.number(), ok: z.boolean(), succeededAtMs: z.number().optional(), failures: Count })
    .optional(),
  /** The interval of the backups that the instance creates itself. */
  backupEveryMs: Count.optional(),
})

/** A report of the launcher. */
export type LauncherReport = z.infer<typeof LauncherReport>

type Backup = NonNullable<LauncherReport['backup']>

let report: LauncherReport | undefined

/** Keeps a report until the next one. */
export function setLauncherReport(received: LauncherReport): void {
  report = received
}

/** Returns the metrics of the last report. Without a launcher, as on Cloudflare, the list is empty. */
export function collectLauncherReport(nowMs: number): Sample[] {
  if (report === undefined) return []
  const { cell, processes, readers, readerCrashes, restarts, logs, backup, backupEveryMs } = report
  return [
    { name: 'persql_readers', value: readers },
    { name: 'persql_reader_crashes_total', value: readerCrashes },
    { name: 'persql_logs_bytes', value: logs.bytes },
    { name: 'persql_logs_shortened_total', value: logs.shortened },
    ...(['blocked', 'not_listening', 'quota', 'disk'] as const).map((reason): Sample => {
      return { name: 'persql_watchdog_kills_total', labels: { reason }, value: restarts[reason] }
    }),
    ...Object.entries(restarts).map(([reason, value]): Sample => {
      return { name: 'persql_cell_restarts_total', labels: { cell: String(cell), reason }, value }
    }),
    ...processes.flatMap(({ process, residentBytes, openFds, cpuSeconds }): Sample[] => [
      { name: 'persql_process_resident_bytes', labels: { process }, value: residentBytes },
      ...(openFds === undefined
        ? []
        : [{ name: 'persql_process_open_fds', labels: { process }, value: openFds } as const]),
      { name: 'persql_process_cpu_seconds_total', labels: { process }, value: cpuSeconds },
    ]),
    ...(backup ? collectBackup(backup, nowMs) : []),
    ...(backupEveryMs === undefined
      ? []
      : [{ name: 'persql_backup_interval_seconds', value: backupEveryMs / 1000 } as const]),
  ]
}

function collectBackup({ ok, succeededAtMs, failures }: Backup, nowMs: number): Sample[] {
  return [
    ...(succeededAtMs === undefined
      ? []
      : [{ name: 'persql_backup_age_seconds', value: Math.max(0, (nowMs - succeededAtMs) / 1000) } as const]),
    { name: 'persql_backup_success', value: ok ? 1 : 0 },
    { name: 'persql_backup_failures', value: failures },
  ]
}
