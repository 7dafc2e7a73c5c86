import type { WireRequest } from './load/closed-loop.ts'
import type { LoadGenerator } from './load/generator.ts'
import type { Latencies } from './load/latencies.ts'
import type { Target } from './targets.ts'
import { call } from './wire.ts'

const patienceMs = 120_000

export interface ManyDatabases {
  name: string
  databases: number
  /** Resident memory of the process with all databases open. */
  residentMiB: number
  /** Latency of each database's first request after a restart, one at a time. */
  cold: Latencies
  /** Latency of each database's second request. */
  warm: Latencies
}

/** Creates databases with one table each, restarts, and opens them all. */
export async function openMany(target: Target, databases: number, load: LoadGenerator): Promise<ManyDatabases> {
  const { instance, place, name } = target
  const each = (request: (database: string) => WireRequest) =>
    load.run({
      port: instance.port,
      connections: 1,
      requests: Array.from({ length: databases }, (_, index) => request(`many-${index}`)),
      durationMs: patienceMs,
      maxRequests: databases,
    })
  const statements = [
    { sql: 'create table if not exists notes (id integer primary key, text not null)' },
    { sql: "insert or replace into notes values (1, 'here')" },
  ]
  const read = (database: string) =>
    call(place(database), 'query', { sql: 'select text from notes where id = ?', params: [1] }, '"here"')
  await each((database) => call(place(database), 'batch', { statements, transaction: true }, '"rowsWritten":1'))
  await instance.restart()
  // Warm up the process first: the first database must find compiled code and a cached token.
  await load.run({ port: instance.port, connections: 1, requests: [awake(target)], durationMs: 500, maxRequests: 500 })
  const cold = await each(read)
  const warm = await each(read)
  return { name, databases, residentMiB: instance.residentMiB(), cold, warm }
}

function awake({ place }: Target): WireRequest {
  return call(place('main'), 'query', { sql: 'select 1', params: [] }, '"success":true')
}
