import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readLastBackup } from '../../apps/launcher/src/last-backup.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { LaunchedInstance, runOperator } from '../launched-instance.ts'
import { findValue, parseExposition } from '../prometheus.ts'
import { S3Double } from '../s3-double.ts'

let s3: S3Double
let folder: string
const instances: LaunchedInstance[] = []
beforeEach(async () => {
  s3 = await new S3Double().start()
  folder = await makeDataFolder('persql-continuous-')
})
afterEach(async () => {
  for (const instance of instances.splice(0)) await instance.remove()
  s3.stop()
  await removeDataFolder(folder)
})

async function create(settings: Record<string, string> = {}): Promise<LaunchedInstance> {
  const instance = await LaunchedInstance.create(settings)
  instances.push(instance)
  return instance
}

/** Resolves when a backup that began after this call is complete. */
async function backedUp({ data }: LaunchedInstance): Promise<void> {
  const nowMs = Date.now()
  while (((await readLastBackup(data))?.succeededAtMs ?? 0) <= nowMs) await delay(50)
}

const collect = async ({ url }: LaunchedInstance) => parseExposition(await (await fetch(`${url}/metrics`)).text())

/** Returns the PIDs of the processes with this text in their command. */
async function findProcesses(text: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const commands = await Promise.all(
    pids.map(async (pid) => [Number(pid), await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')] as const),
  )
  return commands.flatMap(([pid, command]) => (command.includes(text) ? [pid] : []))
}

/** Writes rows, and returns what a restore must bring back. */
async function fill(instance: LaunchedInstance) {
  const { db, token } = await instance.createNamespace('acme')
  await db().query('CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)')
  for (let i = 0; i < 5; i++) await db().query('INSERT INTO t (v) VALUES (?)', [`row ${i}`])
  await instance.request('/api/operator/namespaces/acme/credit', {
    token: instance.secret,
    body: { amountUsd: 12.5, note: 'invoice 7' },
  })
  const minted = (await instance.request('/v1/tokens', { token, body: { name: 'reader', role: 'readonly' } })).body.data
  return { token, reader: minted.token as string, rows: (await db().query('SELECT * FROM t')).body.data.rows }
}

async function expectRestored(restored: LaunchedInstance, before: Awaited<ReturnType<typeof fill>>): Promise<void> {
  await restored.start()
  restored.secret = (await readFile(join(restored.data, 'secret'), 'utf8')).trim()
  const { token, reader, rows } = before
  expect((await restored.database('acme', 'main', reader).query('SELECT * FROM t')).body.data.rows).toEqual(rows)
  const refused = await restored.database('acme', 'main', reader).query('DELETE FROM t')
  expect(refused.body.code).toBe('role_insufficient')
  expect((await restored.database('acme', 'main', token).query('INSERT INTO t (v) VALUES (1)')).status).toBe(200)
  const { ledger, balanceUsd } = (await restored.request('/v1/billing', { token })).body.data
  expect(ledger).toContainEqual(expect.objectContaining({ kind: 'adjustment', amountUsd: 12.5 }))
  expect(balanceUsd).toBeLessThanOrEqual(17.5)
  expect(balanceUsd).toBeGreaterThan(17.4)
  const standings = await restored.request('/api/operator/namespaces', { token: restored.secret })
  expect(standings.body.data).toMatchObject([{ slug: 'acme', status: 'active', driftUsd: 0 }])
  await restored.stop()
  expect(await restored.operator('verify', restored.data)).toMatchObject({ code: 0, stderr: '' })
}

test('an instance with PERSQL_BACKUP copies itself to S3, and its restore has rows, tokens and the ledger', async () => {
  const target = 's3://backups/continuous'
  const live = await create({ ...s3.environment, PERSQL_BACKUP: target, PERSQL_BACKUP_EVERY: '1s' })
  await live.start()
  const before = await fill(live)
  await backedUp(live)
  await expect.poll(async () => findValue(await collect(live), 'persql_backup_success')).toBe(1)
  const metrics = await collect(live)
  expect(findValue(metrics, 'persql_backup_interval_seconds')).toBe(1)
  expect(findValue(metrics, 'persql_backup_failures')).toBe(0)
  expect(findValue(metrics, 'persql_backup_age_seconds')).toBeGreaterThanOrEqual(0)
  await live.stop()
  expect(await findProcesses(target)).toEqual([])
  await rm(live.data, { recursive: true, maxRetries: 10 })

  const restored = await create()
  const environment = { ...s3.environment, PERSQL_DATA: restored.data }
  expect(await runOperator(['restore', target], environment)).toMatchObject({ code: 0, stderr: '' })
  await expectRestored(restored, before)
})

test('an encrypted backup in S3 is restored with its passphrase, and with nothing else', async () => {
  const target = 's3://backups/encrypted'
  const file = join(folder, 'passphrase')
  await writeFile(file, 'correct horse battery staple\n')
  const wrong = join(folder, 'wrong')
  await writeFile(wrong, 'incorrect horse battery\n')
  const live = await create({
    ...{ ...s3.environment, PERSQL_BACKUP: target, PERSQL_BACKUP_EVERY: '1s' },
    PERSQL_BACKUP_PASSPHRASE_FILE: file,
  })
  await live.start()
  const before = await fill(live)
  await backedUp(live)
  await live.stop('SIGKILL')
  for (const [name, content] of s3.objects) {
    expect([content.includes('SQLite format 3'), content.includes(live.secret)], name).toEqual([false, false])
  }
  await rm(live.data, { recursive: true, maxRetries: 10 })

  const restored = await create()
  const restore = (...args: string[]) =>
    runOperator(['restore', target, ...args], { ...s3.environment, PERSQL_DATA: restored.data })
  expect(await restore()).toMatchObject({ code: 2, stderr: expect.stringContaining('is encrypted') })
  expect(await restore('--passphrase-file', wrong)).toMatchObject({ code: 2, stderr: expect.stringMatching(/^Wrong/) })
  expect(await restore('--passphrase-file', file)).toMatchObject({ code: 0, stderr: '' })
  await expectRestored(restored, before)
})

test('a target that fails stops nothing but the backups, which continue when it works again', async () => {
  const target = join(folder, 'target')
  await writeFile(target, 'not a folder')
  const live = await create({ PERSQL_BACKUP: target, PERSQL_BACKUP_EVERY: '1s', PERSQL_BACKUP_KEEP: '1h' })
  await live.start()
  const { db } = await live.createNamespace('acme')
  await expect.poll(async () => (await readLastBackup(live.data))?.failures ?? 0).toBeGreaterThan(1)
  expect(live.launcher.stdout).toContain('"event":"backup_failed"')
  expect(live.launcher.stdout).toContain(`${target} isn't a folder.`)
  expect((await fetch(`${live.url}/readyz`)).status).toBe(200)
  expect((await db().query('SELECT 1')).status).toBe(200)
  await expect.poll(async () => findValue(await collect(live), 'persql_backup_success')).toBe(0)
  expect((await collect(live)).get('persql_backup_age_seconds')?.samples).toEqual([])
  await rm(target)
  await backedUp(live)
  expect(await live.operator('verify', target)).toMatchObject({ code: 0, stderr: '' })

  // A process that is killed is replaced, and ends with a launcher that is killed.
  const [killed] = await findProcesses(target)
  process.kill(killed as number, 'SIGKILL')
  await backedUp(live)
  expect(await findProcesses(target)).not.toContain(killed)
  await live.stop('SIGKILL')
  await expect.poll(() => findProcesses(target)).toEqual([])
})

test('an instance that has no data yet waits, and reports no failure', async () => {
  const live = await create({ PERSQL_BACKUP: join(folder, 'target'), PERSQL_BACKUP_EVERY: '1s' })
  await live.start()
  expect(live.launcher.stdout).not.toContain('backup_')
  await live.createNamespace('acme')
  await backedUp(live)
  expect(live.launcher.stdout).not.toContain('backup_failed')
})
