import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PlatformClient } from '../harness.ts'
import { KilledInstance, type Target, toCell } from '../kills/instance.ts'
import { Load } from '../kills/load.ts'
import { randomFrom } from '../kills/random.ts'
import { hasReaders } from '../reader-count.ts'

const KILLS = Number(process.env.KILLS ?? 3)
const SEED = Number(process.env.SEED ?? randomInt(2 ** 31))
/** The longest load before a kill, and the longest start before the next one. */
const MAX_LOAD_MS = 400
const MAX_START_MS = 1_500
/** Each crash in a row delays the next start of a cell, so the launcher is restarted after some. */
const CRASHES_IN_A_ROW = 4
const INTERVAL_MS = 600_000
const CREDIT_USD = 20

let instance: KilledInstance
let owner: Awaited<ReturnType<PlatformClient['signUp']>>
let aheadMs = 0
beforeAll(async () => {
  instance = await KilledInstance.start()
  owner = (await instance.cells[0]?.signUp('owner@example.com')) as typeof owner
})
afterAll(() => instance.stop())

const targets: Target[] = [...(hasReaders ? (['a reader'] as const) : []), 'cell 0', 'cell 1', 'the launcher']

test.each(targets)(
  'kills of %s lose no acknowledged write, double nothing, bill what ran and leave no lease and no process',
  async (target) => {
    console.log(`SEED=${SEED}`)
    const random = randomFrom(SEED)
    const names = [0, 1].map((cell) => instance.nameIn(cell))
    const loads = await Promise.all(names.map((namespace) => startLoad(namespace, random)))
    try {
      for (let kill = 1; kill <= KILLS; kill++) {
        // The schedules are due while the process is killed.
        aheadMs += INTERVAL_MS
        const due = instance.setClock(aheadMs)
        await delay(random() * MAX_LOAD_MS)
        await strike(target, random)
        await due
        await instance.restoreClock()
        await Promise.all(loads.map((load) => load.proceeds()))
        await Promise.all(loads.map((load) => load.ticked(kill)))
        assertOthersServed(target, loads)
        if (kill % CRASHES_IN_A_ROW === 0 && toCell(target) !== undefined) await restart(loads)
      }
      await Promise.all(loads.map((load) => load.stop()))
      const verified = await Promise.all(loads.map((load) => load.verify(KILLS)))
      console.log(`${KILLS} kills of ${target}:`, ...verified)
      for (const namespace of names) await spendAll(namespace)
    } finally {
      await Promise.all(loads.map((load) => load.close()))
    }
  },
  300_000 + KILLS * 30_000,
)

async function startLoad(namespace: string, random: () => number): Promise<Load> {
  const [cell] = instance.cells as [PlatformClient]
  const created = await owner.request('/api/namespaces', { body: { slug: namespace } })
  expect([created.status, created.body.error]).toEqual([200, undefined])
  const credit = { amountUsd: CREDIT_USD, note: 'paid' }
  const credited = await cell.request(`/api/operator/namespaces/${namespace}/credit`, {
    token: cell.secret,
    body: credit,
  })
  expect([credited.status, credited.body.error]).toEqual([200, undefined])
  const path = `/api/namespaces/${namespace}`
  const { data } = (await owner.request(`${path}/tokens`, { body: { name: 'load' } })).body
  expect((await owner.request(`${path}/databases`, { body: { slug: 'load' } })).status).toBe(200)
  return Load.start({ cells: instance.cells, namespace, token: data.token, random })
}

async function strike(target: Target, random: () => number): Promise<void> {
  await instance.kill(target, random)
  if (target !== 'the launcher') return
  await instance.emptied()
  if (random() < 0.5) {
    const starting = instance.spawn()
    await delay(random() * MAX_START_MS)
    await starting.stop('SIGKILL')
    await instance.emptied()
  }
  await instance.launch()
}

/** Checks that all calls were answered that neither reach nor pass the killed cell. */
function assertOthersServed(target: Target, loads: readonly Load[]): void {
  const killed = toCell(target)
  for (const [owned, load] of loads.entries()) {
    const failures = load.takeFailures()
    if (target !== 'the launcher') expect(failures.filter(({ via }) => via !== killed && owned !== killed)).toEqual([])
  }
}

async function restart(loads: readonly Load[]): Promise<void> {
  await instance.restart()
  await instance.restoreClock()
  for (const load of loads) load.takeFailures()
}

/** Moves the whole balance to another namespace, which works only if no database keeps any credit. */
async function spendAll(from: string): Promise<void> {
  const to = instance.nameIn(0)
  expect((await owner.request('/api/namespaces', { body: { slug: to } })).status).toBe(200)
  const billing = async (namespace: string) => (await owner.request(`/api/namespaces/${namespace}/billing`)).body.data
  const { balanceNanoUsd } = await billing(from)
  const body = { to, amountUsd: Number(balanceNanoUsd) / 1e9 }
  const moved = await owner.request(`/api/namespaces/${from}/billing/transfer`, { body })
  expect([moved.status, moved.body.error]).toEqual([200, undefined])
  expect([(await billing(from)).balanceNanoUsd, (await billing(to)).balanceNanoUsd]).toEqual(['0', balanceNanoUsd])
}
