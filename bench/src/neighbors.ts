import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { setPriority } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Instance } from './instance.ts'
import type { LoadGenerator } from './load/generator.ts'
import { type Latencies, median } from './load/latencies.ts'
import { adminToken, type Target } from './targets.ts'
import { call, type Place } from './wire.ts'

const roundMs = 3_000
/** The clients of the other tenant run in this process. On another machine they would not take the platform's time. */
const clientNiceness = 10
const namespace = 'neighbor'
const largeResult = { sql: "select name, printf('%.*c', 100000, 'x') from big limit 150" }
const endless = 'with n(i) as (select 1 union all select i + 1 from n) select max(i) from n'

/** Latencies of one tenant's point reads, without and with a load of another tenant. */
export interface Neighbor {
  load: string
  alone: Latencies
  beside: Latencies
  /** The peak resident memory of the platform's process in MiB. */
  peakMiB: number
}

interface Load {
  name: string
  /** Starts the load, and returns a function that ends it. */
  start: (at: Place, instance: Instance) => () => Promise<void>
}

/** The loads of the other tenant. */
const loads: readonly Load[] = [
  { name: '4 endless reads', start: (at, instance) => repeat(4, (signal) => readEndlessly(at, instance, signal)) },
  {
    name: '4 scans of 1,000,000 rows in turn',
    start: (at, instance) =>
      repeat(4, () => post(instance, at, 'query', { sql: 'select sum(value) from big where name > ?', params: ['x'] })),
  },
  { name: 'an import of rows', start: (at, instance) => repeat(1, () => importRows(at, instance)) },
  {
    name: '150 concurrent results of 15 MB',
    start: (at, instance) =>
      repeat(150, async (signal) => {
        const waitMs = await post(instance, at, 'query', largeResult)
        // As the SDK does. The platform refuses reads if 100 of a namespace wait.
        if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => {})
      }),
  },
  {
    name: '150 of them, refused reads repeated immediately',
    start: (at, instance) => repeat(150, () => post(instance, at, 'query', largeResult)),
  },
]

/** Measures a tenant's point reads while another tenant loads the instance. */
export async function measureNeighbors(
  { instance, place }: Target,
  load: LoadGenerator,
  pairs: number,
): Promise<Neighbor[]> {
  setPriority(clientNiceness)
  const requests = Array.from({ length: 1_000 }, (_, index) => {
    const id = ((index * 7_919) % 10_000) + 1
    const sql = 'select id, name, value from items where id = ?'
    return call(place('main'), 'query', { sql, params: [id] }, `"item ${id}"`)
  })
  const at: Place = { namespace, database: 'main', token: await adminToken(instance, namespace) }
  await post(instance, at, 'query', { sql: 'create table big (id integer primary key, name text, value real)' })
  for (let part = 0; part < 10; part++) {
    await post(instance, at, 'query', {
      sql: `with n(i) as (select 1 union all select i + 1 from n where i < 100000)
        insert into big select i + ${part * 100_000}, 'name ' || i, i * 1.5 from n`,
    })
  }
  const round = (): Promise<Latencies> =>
    load.run({ port: instance.port, connections: 2, requests, durationMs: roundMs, maxRequests: 1_000_000 })
  await round()
  const results: Neighbor[] = []
  for (const { name, start } of loads) {
    const alone: Latencies[] = []
    const beside: Latencies[] = []
    const peak = watchMemory(instance)
    for (let pair = 0; pair < pairs; pair++) {
      alone.push(await round())
      const stop = start(at, instance)
      beside.push(await round())
      await stop()
    }
    results.push({ load: name, alone: summarize(alone), beside: summarize(beside), peakMiB: peak() })
    process.stderr.write(`${name}\n`)
  }
  return results
}

function summarize(rounds: readonly Latencies[]): Latencies {
  return {
    p50: median(rounds.map(({ p50 }) => p50)),
    p99: median(rounds.map(({ p99 }) => p99)),
    max: Math.max(...rounds.map(({ max }) => max)),
  }
}

/** Runs a task again and again, `count` times in parallel, until the returned function is called. */
function repeat(count: number, task: (signal: AbortSignal) => Promise<unknown>): () => Promise<void> {
  const over = new AbortController()
  setMaxListeners(count, over.signal)
  const loops = Array.from({ length: count }, async () => {
    while (!over.signal.aborted) await task(over.signal)
  })
  return async () => {
    over.abort()
    await Promise.all(loops)
  }
}

async function readEndlessly(at: Place, instance: Instance, signal: AbortSignal): Promise<void> {
  const id = randomUUID()
  const cancel = () =>
    fetch(`${instance.url}/v1/db/${at.namespace}/${at.database}/queries/${id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${at.token}` },
    })
  const onAbort = (): void => void setTimeout(cancel, 20)
  signal.addEventListener('abort', onAbort)
  await post(instance, at, 'query', { sql: endless }, { 'x-request-id': id })
  signal.removeEventListener('abort', onAbort)
}

async function importRows(at: Place, instance: Instance): Promise<void> {
  const rows = Array.from({ length: 100_000 }, (_, index) => `${index},name ${index},${index * 1.5}`)
  const response = await fetch(
    `${instance.url}/v1/db/${at.namespace}/${at.database}/import?format=csv&create=1&table=imported_${randomUUID().slice(0, 8)}`,
    { method: 'POST', headers: { authorization: `Bearer ${at.token}` }, body: `id,name,value\n${rows.join('\n')}\n` },
  )
  await response.arrayBuffer()
}

/** Sends a request. Returns the time in milliseconds that its response asks to wait. */
async function post(instance: Instance, at: Place, operation: string, body: object, headers = {}): Promise<number> {
  const response = await fetch(`${instance.url}/v1/db/${at.namespace}/${at.database}/${operation}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${at.token}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ params: [], ...body }),
  })
  await response.arrayBuffer()
  return Number(response.headers.get('retry-after')) * 1_000
}

/** Samples the resident memory. The returned function ends that and returns the highest value. */
function watchMemory(instance: Instance): () => number {
  let peak = instance.residentMiB()
  const timer = setInterval(() => {
    peak = Math.max(peak, instance.residentMiB())
  }, 50)
  return () => {
    clearInterval(timer)
    return peak
  }
}
