import { existsSync } from 'node:fs'
import Sqlite from 'libsql'

/** The time for which a process that is ending can still have the file open. */
const timeoutMs = 2_000

/**
 * Copies the committed part of a write-ahead log into the file of its database and gives back the room of the log, which
 * otherwise keeps the size that a rolled-back statement gave it. Call it while the process that owns the file is stopped.
 * @throws Error of SQLite
 */
export function shrinkLog(file: string): void {
  if (!existsSync(file)) return
  const sqlite = new Sqlite(file, { timeout: timeoutMs })
  try {
    sqlite.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()
  } finally {
    sqlite.close()
  }
}
