import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { type Agent, fetch } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseInterval } from '../../apps/launcher/src/backup/schedule/durations.ts'
import { serverCommand } from '../build-folder.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { LaunchedInstance } from '../launched-instance.ts'
import { chooseProxyUrl, findFreePort, type RunningProxy, startReverseProxy } from '../reverse-proxy.ts'

// A server behind nginx is backed up again and again while clients write. Then its process is killed and its disk is lost.

const CLIENTS = 16
/** The time between two backups. `BACKUP_EVERY=60s BACKUP_MINUTES=5` shows the figures of the documentation. */
const every = process.env.BACKUP_EVERY ?? '2s'
const minutes = Number(process.env.BACKUP_MINUTES ?? 0)

let live: LaunchedInstance
let restored: LaunchedInstance
let target: string
let proxyFolder: string
let proxy: RunningProxy
beforeAll(async () => {
  const url = await chooseProxyUrl()
  const port = await findFreePort()
  live = await LaunchedInstance.create({ PORT: String(port), PERSQL_URL: url, TRUSTED_PROXIES: '127.0.0.1' })
  restored = await LaunchedInstance.create()
  target = await makeDataFolder('persql-target-')
  proxyFolder = await makeDataFolder('persql-proxy-')
  await live.start()
  // The welcome message has the public URL.
  live.url = `http://127.0.0.1:${port}`
  proxy = await startReverseProxy('nginx', proxyFolder, url, live.url)
})
afterAll(async () => {
  await proxy?.stop()
  await live.remove()
  await restored.remove()
  await removeDataFolder(target)
  await removeDataFolder(proxyFolder)
})

/** Runs `backup --every`, and counts the backups that it has completed. */
function startBackups() {
  const [node, ...program] = serverCommand()
  const child = spawn(node, [...program, 'operator', 'backup', target, '--every', every], {
    env: { PATH: process.env.PATH, PERSQL_DATA: live.data },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const count = () => output.split('"backup_created"').length - 1
  return {
    /** Resolves when this many further backups are completed. */
    async completes(more: number): Promise<void> {
      const wanted = count() + more
      while (count() < wanted) {
        if (child.exitCode !== null) throw new Error(`The backups ended: ${output}`)
        await delay(20)
      }
    },
    async stop(): Promise<void> {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

test('after the disk is lost, a restore has all that was written before the last backup, and the ledger is right', async () => {
  const namespace = await live.createNamespace('acme')
  await namespace.db().query('CREATE TABLE writes (id INTEGER PRIMARY KEY)')
  const written: { id: number; atMs: number }[] = []
  let isOver = false
  let next = 1
  const write = async (dispatcher: Agent) => {
    while (!isOver) {
      const id = next++
      const response = await fetch(`${proxy.url}${namespace.db().path}/query`, {
        method: 'POST',
        headers: { authorization: `Bearer ${namespace.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ sql: 'INSERT INTO writes VALUES (?)', params: [id] }),
        dispatcher,
      }).catch(() => undefined)
      const text = await response?.text().catch(() => undefined)
      if (response?.status === 200 && text !== undefined) written.push({ id, atMs: Date.now() })
    }
  }
  const clients = Array.from({ length: CLIENTS }, (_, i) => write(proxy.connectFrom(`127.0.0.${i + 2}`)))
  const backups = startBackups()
  let before = 0
  let lostAtMs = 0
  try {
    await backups.completes(1)
    await delay(minutes * 60_000)
    before = Date.now()
    // The second one began after this moment.
    await backups.completes(2)
    await delay(Math.random() * parseInterval(every))

    await live.stop('SIGKILL')
    lostAtMs = Date.now()
    await backups.stop()
    await rm(live.data, { recursive: true, maxRetries: 10 })
  } finally {
    isOver = true
    await Promise.all(clients)
  }

  expect(await live.operator('verify', target)).toMatchObject({ code: 0, stdout: expect.stringContaining('is whole') })
  expect(await restored.operator('restore', target)).toMatchObject({ code: 0, stderr: '' })
  await restored.start()
  const db = restored.database('acme', 'main', namespace.token)
  const kept = new Set<number>()
  for (let from = 0; ; ) {
    const { body } = await db.query('SELECT id FROM writes WHERE id > ? ORDER BY id LIMIT 10000', [from])
    const ids = body.data.rows.flat() as number[]
    for (const id of ids) kept.add(id)
    if (ids.length < 10_000) break
    from = ids.at(-1) as number
  }
  const lost = written.filter(({ id }) => !kept.has(id))
  expect(written.length).toBeGreaterThan(100)
  expect(lost.filter(({ atMs }) => atMs < before)).toEqual([])
  const firstLostMs = Math.min(lostAtMs, ...lost.map(({ atMs }) => atMs))
  process.stdout.write(
    `${written.length} writes acknowledged, ${lost.length} lost: those of the last ${((lostAtMs - firstLostMs) / 1000).toFixed(1)} s.\n`,
  )

  // The ledger matches the balance, and the restored instance serves and bills.
  await restored.setClock(24 * 60 * 60 * 1000)
  await expect
    .poll(async () => (await restored.request('/api/status')).body)
    .toMatchObject({ data: { ok: true, drifting: 0, lastReconcileAt: expect.any(String) } })
  expect((await db.query('INSERT INTO writes VALUES (-1)')).status).toBe(200)
  const billing = await restored.request('/v1/billing', { token: namespace.token })
  expect(billing.body.data.balanceUsd).toBeLessThan(5)
}, 1_200_000)
