import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import Sqlite from 'libsql'
import * as z from 'zod'

/** The runtime deletes an alarm from its list shortly after the object deleted it. */
const rounds = 20
const pauseMs = 250
const batch = 100
const Moved = z.object({ data: z.object({ failed: z.array(z.string()) }) })

export interface MoveAlarmsOptions {
  data: string
  /** The URL of the platform from this machine. */
  localUrl: string
  secret: string
}

/**
 * Moves the native alarms of databases, which data format 2 had, to their namespaces. Every process that opens the
 * files of databases would run native alarms, so this must be complete before a second process starts. It does nothing
 * if the runtime's list of alarms is empty. Call it while the platform is running.
 * @throws Error if alarms remain
 */
export async function moveAlarms({ data, localUrl, secret }: MoveAlarmsOptions): Promise<void> {
  const file = join(data, 'objects', 'database', 'metadata.sqlite')
  for (let round = 1; ; round++) {
    const names = readAlarms(file)
    if (names.length === 0) return
    if (round > rounds) {
      throw new Error(
        `Couldn't move the timers of ${names.length === 1 ? '1 database' : `${names.length} databases`} in ${data} to the new data format: ${names.slice(0, 3).join(', ')}. Restart PerSQL to try again.`,
      )
    }
    if (round > 1) await delay(pauseMs)
    for (let start = 0; start < names.length; start += batch) {
      deleteAlarms(file, await move(names.slice(start, start + batch), localUrl, secret))
    }
  }
}

/** Asks the platform to move alarms. Returns the names of damaged objects, which can't delete their alarm. */
async function move(names: readonly string[], localUrl: string, secret: string): Promise<string[]> {
  const response = await fetch(`${localUrl}/api/launcher/alarms`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ names }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`Couldn't move the timers of databases: ${response.status} ${text}`)
  return Moved.parse(JSON.parse(text)).data.failed
}

/** Reads the names of the objects with an alarm from the runtime's list. */
function readAlarms(file: string): string[] {
  if (!existsSync(file)) return []
  return withList(file, (list) => {
    if (!list.prepare("SELECT 1 FROM sqlite_master WHERE name = '_cf_ALARM'").get()) return []
    const rows = list.prepare('SELECT actor_name AS name FROM _cf_ALARM ORDER BY scheduled_time').all()
    return (rows as { name: string }[]).map(({ name }) => name)
  })
}

function deleteAlarms(file: string, names: readonly string[]): void {
  if (names.length === 0) return
  withList(file, (list) => {
    const statement = list.prepare('DELETE FROM _cf_ALARM WHERE actor_name = ?')
    for (const name of names) statement.run(name)
  })
}

function withList<T>(file: string, work: (list: Sqlite.Database) => T): T {
  const list = new Sqlite(file, { timeout: 5_000 })
  try {
    return work(list)
  } finally {
    list.close()
  }
}
