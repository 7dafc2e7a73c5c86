import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { objectFile, readFile as readObject } from '../../apps/launcher/src/object-files.ts'
import { CellClient, startCells } from '../cells.ts'
import { removeDataFolder } from '../data-folder.ts'
import { runOperator } from '../launched-instance.ts'
import { launch } from '../launcher-process.ts'

const readSqlite = <T>(file: string, read: Parameters<typeof readObject<T>>[1]): T => readObject(file, read, 'shared')

/** Runs `npm run operator -- vacuum`. */
async function vacuum(data: string, url: string, address: string): Promise<string> {
  const { code, stdout } = await runOperator(['vacuum', address, '--url', url], { PERSQL_DATA: data })
  expect(code).toBe(0)
  return stdout
}

const readProcess = (pid: number | string, file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')

/** Returns whether a process runs a VACUUM. */
const isVacuum = async (pid: string): Promise<boolean> =>
  (await readProcess(pid, 'cmdline')).includes('/run/vacuum.cjs')

/** Finds the process of a launcher that runs a VACUUM. A search of all processes could take longer than the VACUUM. */
async function findVacuum(launcher: number): Promise<string | undefined> {
  const children = (await readProcess(launcher, `task/${launcher}/children`)).split(' ').filter(Boolean)
  for (const pid of children) if (await isVacuum(pid)) return pid
  return undefined
}

const rows = (megabytes: number, table: string) =>
  `WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${megabytes}) INSERT INTO ${table} SELECT randomblob(1000000) FROM n`

test('a killed launcher ends a VACUUM, and after the next start nothing is lost, with several cells', async () => {
  const instance = await startCells(2)
  const namespace = instance.nameIn(1)
  const address = `${namespace}/main`
  const [, cell] = instance.cells as [CellClient, CellClient]
  const { token } = await cell.createNamespace(namespace)
  const db = cell.database(namespace, 'main', token)
  const freePages = ['CREATE TABLE gone (b)', rows(40, 'gone'), 'DROP TABLE gone']
  const [create = '', fill = '', drop = ''] = freePages
  const kept = ['CREATE TABLE kept (b)', rows(40, 'kept'), 'DELETE FROM kept WHERE rowid % 2 = 0']
  const statements = [create, fill, ...kept, drop]
  for (const sql of statements) expect((await db.query(sql)).status).toBe(200)
  const content = 'SELECT rowid, substr(hex(b), 1, 20) FROM kept'
  const { rows: before } = (await db.query(content)).body.data
  let running: Promise<unknown> | undefined
  let pid: string | undefined
  while (pid === undefined) {
    // One that ended before it was seen is repeated, with free pages again.
    if (running) for (const sql of freePages) expect((await db.query(sql)).status).toBe(200)
    let isOver = false
    running = vacuum(instance.data, cell.url, address)
      .catch(() => 'interrupted')
      .finally(() => {
        isOver = true
      })
    while (pid === undefined && !isOver) {
      await delay(1)
      pid = await findVacuum(instance.launcher.pid)
    }
  }
  process.kill(instance.launcher.pid, 'SIGKILL')
  await running
  while (await isVacuum(pid)) await delay(5)

  const folder = join(instance.data, '..')
  const next = launch(folder, { PERSQL_CELLS: '2', PERSQL_BOOTSTRAP: 'off' })
  const { url } = await next.welcome()
  const again = new CellClient(url, instance.cells[0]?.secret ?? '').database(namespace, 'main', token)
  expect((await again.query(content)).body.data.rows).toEqual(before)
  expect((await again.query('INSERT INTO kept VALUES (1)')).status).toBe(200)
  expect(await vacuum(instance.data, url, address)).toMatch(/^The file of .*\/main is [\d.]+ MB shorter\.\n$/)
  expect((await again.query(`${content} WHERE b <> 1`)).body.data.rows).toEqual(before)
  const damage = readSqlite(objectFile(instance.data, 'database', address), (sqlite) =>
    sqlite.prepare('PRAGMA integrity_check').raw().all(),
  )
  expect(damage).toEqual([['ok']])
  await next.stop()
  await removeDataFolder(folder)
})
