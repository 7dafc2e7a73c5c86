import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { type LauncherProcess, launch } from '../launcher-process.ts'
import { type Family, findValue, parseExposition } from '../prometheus.ts'
import { hasReaders } from '../reader-count.ts'

let folder: string | undefined
let launcher: LauncherProcess | undefined
afterEach(async () => {
  await launcher?.stop()
  if (folder !== undefined) await removeDataFolder(folder)
})

/** Collects until the metrics are as expected. A cell that restarts responds with nothing. */
async function collectUntil(url: string, isExpected: (families: Map<string, Family>) => boolean) {
  for (;;) {
    const text = await fetch(`${url}/metrics`).then(
      (response) => response.text(),
      () => undefined,
    )
    const families = text === undefined ? undefined : parseExposition(text)
    if (families && isExpected(families)) return families
    await delay(100)
  }
}

test('the launcher reports its processes, the last backup and the restarts of a cell', async () => {
  folder = await makeDataFolder()
  const readers = hasReaders ? '2' : '0'
  launcher = launch(folder, { QUERY_TIMEOUT_S: '4', PERSQL_READERS: readers })
  const { url } = await launcher.welcome()
  const processes = ['workerd', 'launcher', 'hashing', ...(hasReaders ? ['reader-0', 'reader-1'] : [])]
  const started = await collectUntil(
    url,
    (families) => families.get('persql_process_resident_bytes')?.samples.length === processes.length,
  )
  for (const process of processes) {
    expect(findValue(started, 'persql_process_resident_bytes', { process }), process).toBeGreaterThan(1e6)
    expect(findValue(started, 'persql_process_cpu_seconds_total', { process }), process).toBeGreaterThanOrEqual(0)
  }
  expect(findValue(started, 'persql_readers')).toBe(Number(readers))
  expect(findValue(started, 'persql_cell_restarts_total', { cell: '0', reason: 'blocked' })).toBe(0)
  expect(findValue(started, 'persql_backup_age_seconds')).toBeUndefined()

  const at = new Date(Date.now() - 60_000).toISOString()
  await writeFile(join(folder, 'data', 'last-backup.json'), JSON.stringify({ at, ok: true }))
  const saved = await collectUntil(url, (families) => findValue(families, 'persql_backup_success') === 1)
  expect(findValue(saved, 'persql_backup_age_seconds')).toBeGreaterThanOrEqual(60)

  const [, token] = /Bearer (\w+)/.exec(launcher.stdout) ?? []
  const sql = 'CREATE TABLE t AS WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n'
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  await fetch(`${url}/v1/db/acme/main/query`, { method: 'POST', headers, body: JSON.stringify({ sql }) }).catch(
    () => {},
  )
  const restarted = await collectUntil(
    url,
    (families) => findValue(families, 'persql_cell_restarts_total', { cell: '0', reason: 'blocked' }) === 1,
  )
  expect(findValue(restarted, 'persql_watchdog_kills_total', { reason: 'blocked' })).toBe(1)
  expect((await (await fetch(`${url}/readyz`)).json()).ok).toBe(true)
})
