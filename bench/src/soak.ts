import { setTimeout as delay } from 'node:timers/promises'
import type { Instance, Usage } from './instance.ts'
import { type Latencies, summary } from './load/latencies.ts'
import { adminToken } from './targets.ts'

const clients = 8
/** The pause of a client between two operations. */
const pauseMs = 20
const windowMs = 15_000
const maxSamples = 1_000_000

/** The measurements of one part of a soak. */
export interface SoakPart {
  readonly usage: Usage
  readonly operations: number
  readonly failures: number
  /** Latencies of point reads. */
  readonly reads: Latencies
}

/** The first and the last fifth of a soak. */
export interface Soak {
  readonly minutes: number
  readonly first: SoakPart
  readonly last: SoakPart
  /** The statuses and codes of failed calls, with their number. */
  readonly failures: ReadonlyMap<string, number>
}

interface Window {
  readonly usage: Usage
  readonly operations: number
  readonly failures: number
  readonly reads: readonly number[]
}

interface Tenant {
  readonly namespace: string
  readonly token: string
}

type Send = (path: string, body?: unknown, method?: string, headers?: Readonly<Record<string, string>>) => Promise<void>
/** An operation of a client, with the number of the call, which is unique. */
type Operation = (send: Send, at: string, call: number) => Promise<void>

const query = (sql: string, ...params: unknown[]) => ({ sql, params })
const counted = 'with n(i) as (select 1 union all select i + 1 from n where i < 100000) select count(*) from n'

/** The operations, in the proportion of a busy instance. The first is the point read. */
const operations: readonly (readonly [weight: number, run: Operation])[] = [
  [40, (send, at, call) => send(`${at}/query`, query('select * from items where id = ?', (call % 1_000) + 1))],
  [20, (send, at, call) => send(`${at}/query`, query('insert into log (text) values (?)', `entry ${call}`))],
  [5, (send, at) => send(`${at}/query`, query('delete from log where id < (select max(id) from log) - 1000'))],
  [8, (send, at) => send(`${at}/query`, query('select * from items order by name limit 500'))],
  [6, (send, at) => send(`${at}/query`, query(counted))],
  [2, (send, at) => send(`${at}/query`, query("select printf('%.*c', 1000000, 'x') from items limit 4"))],
  [4, (send, at) => send(`${at}/describe`)],
  [
    4,
    async (send, at, call) => {
      await send(`${at}/import?format=csv&create=1&table=t${call}`, `a,b\n${'1,2\n'.repeat(2_000)}`)
      await send(`${at}/query`, query(`drop table t${call}`))
    },
  ],
  [2, (send, at) => send(`${at}/export?format=sql`)],
  [
    2,
    async (send, at, call) => {
      await send(`${at}/branches/b${call}`, {}, 'PUT')
      await send(`${at}/branches/b${call}`, undefined, 'DELETE')
    },
  ],
  [
    2,
    async (send, at, call) => {
      const slug = `d${call}`
      await send('/v1/databases', { slug })
      await send(`${at.slice(0, at.lastIndexOf('/'))}/${slug}/query`, query('create table t (a)'))
      await send(`/v1/databases/${slug}`, undefined, 'DELETE')
    },
  ],
]

/** Runs mixed calls of several tenants for some minutes, and measures memory, descriptors and latency. */
export async function soak(instance: Instance, minutes: number): Promise<Soak> {
  const tenants: Tenant[] = []
  for (let index = 0; index < 4; index++) {
    const namespace = `soak-${index}`
    tenants.push({ namespace, token: await adminToken(instance, namespace) })
  }
  const failures = new Map<string, number>()
  const windows: Window[] = []
  let [open, failed, reads] = [0, 0, [] as number[]]
  const sendAs =
    ({ token }: Tenant): Send =>
    async (path, body, method = body === undefined ? 'GET' : 'POST', headers = {}) => {
      const response = await fetch(instance.url + path, {
        method,
        headers: { authorization: `Bearer ${token}`, ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const text = await response.text()
      open++
      if (response.ok) return
      failed++
      const failure = `${response.status} ${/"code":"(\w+)"/.exec(text)?.[1]}`
      failures.set(failure, (failures.get(failure) ?? 0) + 1)
    }
  for (const tenant of tenants) {
    const at = `/v1/db/${tenant.namespace}/main/query`
    const send = sendAs(tenant)
    await send(at, query('create table items (id integer primary key, name text, value real)'))
    await send(at, query('create table log (id integer primary key, text text)'))
    await send(
      at,
      query(
        `insert into items with n(i) as (select 1 union all select i + 1 from n where i < 30000)
           select i, 'name ' || i, i * 1.5 from n`,
      ),
    )
  }
  const endMs = Date.now() + minutes * 60_000
  let calls = 0
  const loop = async (tenant: Tenant): Promise<void> => {
    const send = sendAs(tenant)
    while (Date.now() < endMs) {
      const call = calls++
      const run = pick(call)
      const startedMs = performance.now()
      await run(send, `/v1/db/${tenant.namespace}/main`, call)
      if (run === operations[0]?.[1] && reads.length < maxSamples) reads.push(performance.now() - startedMs)
      await delay(pauseMs)
    }
  }
  const loops = Array.from({ length: clients }, (_, index) => loop(tenants[index % tenants.length] as Tenant))
  while (Date.now() < endMs) {
    await delay(Math.min(windowMs, Math.max(0, endMs - Date.now())))
    windows.push({ usage: instance.usage(), operations: open, failures: failed, reads })
    ;[open, failed, reads] = [0, 0, []]
    process.stderr.write(
      `${windows.length * (windowMs / 60_000)} min, ${instance.usage().platformMiB.toFixed(0)} MiB\n`,
    )
  }
  await Promise.all(loops)
  const part = Math.max(1, Math.floor(windows.length / 5))
  return { minutes, first: join(windows.slice(0, part)), last: join(windows.slice(-part)), failures }
}

/** Returns an operation by its weight: the calls go through all of them in a fixed, mixed order. */
function pick(call: number): Operation {
  const total = operations.reduce((sum, [weight]) => sum + weight, 0)
  let left = (call * 37) % total
  for (const [weight, run] of operations) {
    if (left < weight) return run
    left -= weight
  }
  throw new Error('The weights of the operations are inconsistent.')
}

function join(windows: readonly Window[]): SoakPart {
  const reads = Float64Array.from(windows.flatMap((window) => window.reads))
  return {
    usage: (windows.at(-1) as Window).usage,
    operations: windows.reduce((sum, window) => sum + window.operations, 0),
    failures: windows.reduce((sum, window) => sum + window.failures, 0),
    reads: summary(reads, reads.length),
  }
}
