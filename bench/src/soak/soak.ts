import { setTimeout as delay } from 'node:timers/promises'
import type { Instance, Usage } from '../instance.ts'
import { summary } from '../load/latencies.ts'
import { adminToken } from '../targets.ts'
import { pick, pointRead, type Send, seed } from './operations.ts'

const tenantCount = 4
const clients = 8
/**
 * The time between the starts of two operations of a client. A fixed rate, which a busy machine reaches too: with more
 * operations, more objects are open, so memory and descriptors would follow the speed of the machine.
 */
const paceMs = 400
const windowMs = 15_000

/** The measurements of a part of a soak. */
export interface Window {
  /** The time since the start, at its end. */
  readonly atMs: number
  readonly platform: Usage
  readonly readers: Usage
  /** The number of files of databases and their copies. */
  readonly files: number
  readonly calls: number
  readonly failures: number
  /** The 99th percentile of point reads. */
  readonly p99: number
}

/** A completed soak. */
export interface Soak {
  readonly minutes: number
  readonly windows: readonly Window[]
  /** The statuses and codes of failed calls, with their number. */
  readonly failures: ReadonlyMap<string, number>
}

interface Counts {
  calls: number
  failures: number
  readonly reads: number[]
}

const noCounts = (): Counts => ({ calls: 0, failures: 0, reads: [] })

/** Runs mixed calls of several tenants for some minutes, and measures memory, descriptors, files and latency. */
export async function soak(instance: Instance, minutes: number): Promise<Soak> {
  const failures = new Map<string, number>()
  let counts = noCounts()
  const sender =
    (token: string): Send =>
    async (path, body, method = body === undefined ? 'GET' : 'POST') => {
      const failure = await findFailure(instance.url + path, {
        method,
        headers: { authorization: `Bearer ${token}` },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      counts.calls++
      if (failure === undefined) return
      counts.failures++
      failures.set(failure, (failures.get(failure) ?? 0) + 1)
    }
  const tenants: { readonly at: string; readonly send: Send }[] = []
  for (let index = 0; index < tenantCount; index++) {
    const namespace = `soak-${index}`
    const tenant = { at: `/v1/db/${namespace}/main`, send: sender(await adminToken(instance, namespace)) }
    await seed(tenant.send, tenant.at)
    tenants.push(tenant)
  }
  const startMs = performance.now()
  const endMs = startMs + minutes * 60_000
  let started = 0
  const run = async (index: number): Promise<void> => {
    const { at, send } = tenants[index % tenants.length] as (typeof tenants)[number]
    while (performance.now() < endMs) {
      const call = started++
      const operation = pick(call)
      const callMs = performance.now()
      await operation(send, at, call)
      if (operation === pointRead) counts.reads.push(performance.now() - callMs)
      await delay(Math.max(0, callMs + paceMs - performance.now()))
    }
  }
  const loops = Array.from({ length: clients }, (_, index) => run(index))
  const windows: Window[] = []
  while (performance.now() < endMs) {
    await delay(Math.min(windowMs, Math.max(0, endMs - performance.now())))
    const { calls, failures, reads } = counts
    counts = noCounts()
    const window: Window = {
      atMs: performance.now() - startMs,
      platform: instance.usage(),
      readers: instance.readersUsage(),
      files: await instance.countFiles(),
      ...{ calls, failures, p99: summary(Float64Array.from(reads), reads.length).p99 },
    }
    windows.push(window)
    process.stderr.write(`${JSON.stringify(window)}\n`)
  }
  await Promise.all(loops)
  return { minutes, windows, failures }
}

/** Returns the status and the code of a call that failed. A lost connection is a failure too. */
async function findFailure(url: string, init: RequestInit): Promise<string | undefined> {
  try {
    const response = await fetch(url, init)
    const text = await response.text()
    return response.ok ? undefined : `${response.status} ${/"code":"(\w+)"/.exec(text)?.[1]}`
  } catch (cause) {
    return `${(cause as { cause?: { code?: string } }).cause?.code ?? cause}`
  }
}
