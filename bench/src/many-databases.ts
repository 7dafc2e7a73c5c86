import { setTimeout as wait } from 'node:timers/promises'
import type { WireRequest } from './load/closed-loop.ts'
import type { LoadGenerator } from './load/generator.ts'
import { type Latencies, median } from './load/latencies.ts'
import type { Target } from './targets.ts'
import { call } from './wire.ts'

const patienceMs = 120_000
const pollMs = 200

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

interface Round {
  residentMiB: number
  cold: Latencies
  warm: Latencies
}

/**
 * Creates databases with one table each in all targets. Then restarts each target in turn and opens its databases, in
 * several rounds. Returns the medians of the rounds.
 */
export async function openMany(
  targets: readonly Target[],
  databases: number,
  load: LoadGenerator,
  rounds: number,
): Promise<ManyDatabases[]> {
  for (const target of targets) await each(target, databases, load, create)
  // A database that isn't used any more has a file without a log, and the namespace knows its size.
  for (const { instance } of targets) while (await instance.hasLogs()) await wait(pollMs)
  const results = targets.map((): Round[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, target] of targets.entries()) results[index]?.push(await open(target, databases, load))
  }
  return targets.map(({ name }, index) => ({ name, databases, ...summarize(results[index] ?? []) }))
}

async function open(target: Target, databases: number, load: LoadGenerator): Promise<Round> {
  const { instance } = target
  await instance.restart()
  // Warm up the process first: the first database must find compiled code and a cached token.
  await load.run({ port: instance.port, connections: 1, requests: [awake(target)], durationMs: 500, maxRequests: 500 })
  const cold = await each(target, databases, load, read)
  const warm = await each(target, databases, load, read)
  const residentMiB = instance.residentMiB()
  while (await instance.hasLogs()) await wait(pollMs)
  return { residentMiB, cold, warm }
}

function summarize(rounds: readonly Round[]): Round {
  const summary = (part: 'cold' | 'warm'): Latencies => ({
    p50: median(rounds.map((round) => round[part].p50)),
    p99: median(rounds.map((round) => round[part].p99)),
    max: Math.max(...rounds.map((round) => round[part].max)),
  })
  return {
    residentMiB: median(rounds.map(({ residentMiB }) => residentMiB)),
    cold: summary('cold'),
    warm: summary('warm'),
  }
}

/** Sends one request to each database. */
function each(
  { instance, place }: Target,
  databases: number,
  load: LoadGenerator,
  request: (place: Target['place'], database: string) => WireRequest,
): Promise<Latencies> {
  return load.run({
    port: instance.port,
    connections: 1,
    requests: Array.from({ length: databases }, (_, index) => request(place, `many-${index}`)),
    durationMs: patienceMs,
    maxRequests: databases,
  })
}

const create = (place: Target['place'], database: string): WireRequest => {
  const statements = [
    { sql: 'create table if not exists notes (id integer primary key, text not null)' },
    { sql: "insert or replace into notes values (1, 'here')" },
  ]
  return call(place(database), 'batch', { statements, transaction: true }, '"rowsWritten":1')
}

const read = (place: Target['place'], database: string): WireRequest =>
  call(place(database), 'query', { sql: 'select text from notes where id = ?', params: [1] }, '"here"')

function awake({ place }: Target): WireRequest {
  return call(place('main'), 'query', { sql: 'select 1', params: [] }, '"success":true')
}
