import { hashToCell } from '../../apps/platform/src/cell-hash.ts'
import { type Case, cases, seeding } from './cases.ts'
import { type Instance, startCells } from './instance.ts'
import { LoadGenerator } from './load/generator.ts'
import { median } from './load/latencies.ts'
import type { Effort } from './paired.ts'
import { adminToken, ownPlatform } from './targets.ts'
import type { Place } from './wire.ts'

const connectionsEach = 8
const maxRequests = 1_000_000
const measured = ['point read', '1,000-row read', '100-statement batch']

/** The throughput of two tenants, on two cells and on one. */
export interface CellsComparison {
  readonly name: string
  /** Requests per second with each tenant's requests sent to its cell. */
  readonly direct: number
  /** Requests per second with all requests sent to the first cell, which forwards half of them. */
  readonly forwarded: number
  /** Requests per second of one cell that has both tenants. */
  readonly one: number
}

/** Measures what a second cell gains for two tenants, with one load generator for each. */
export async function compareCells(
  loadBundle: string,
  { pairs, roundMs, warmUpMs }: Effort,
): Promise<CellsComparison[]> {
  const bundle = await ownPlatform()
  const loads = [new LoadGenerator(loadBundle), new LoadGenerator(loadBundle)]
  const started: Instance[][] = []
  try {
    for (const count of [1, 2]) started.push(await startCells(bundle, count))
    const [[only], [first, second]] = started as [[Instance], [Instance, Instance]]
    const places = { one: await createTenants(only, loads), two: await createTenants(first, loads) }
    const ways = {
      direct: { places: places.two, ports: [first.port, second.port] },
      forwarded: { places: places.two, ports: [first.port, first.port] },
      one: { places: places.one, ports: [only.port, only.port] },
    }
    const results: CellsComparison[] = []
    for (const each of cases.filter(({ name }) => measured.includes(name))) {
      const round = async ({ places, ports }: typeof ways.one, durationMs: number): Promise<number> => {
        const runs = places.map((place, index) => run(loads[index], ports[index], each, place, durationMs))
        return (await Promise.all(runs)).reduce((sum, throughput) => sum + throughput, 0)
      }
      for (const way of Object.values(ways)) await round(way, warmUpMs)
      const rounds: Record<keyof typeof ways, number[]> = { direct: [], forwarded: [], one: [] }
      for (let pair = 0; pair < pairs; pair++) {
        for (const [name, way] of Object.entries(ways) as [keyof typeof ways, typeof ways.one][]) {
          rounds[name].push(await round(way, roundMs))
        }
      }
      results.push({
        name: each.name,
        direct: median(rounds.direct),
        forwarded: median(rounds.forwarded),
        one: median(rounds.one),
      })
      process.stderr.write(`${each.name}\n`)
    }
    return results
  } finally {
    for (const load of loads) load.stop()
    // The first cell removes the data folder.
    for (const instances of started) for (const instance of instances.toReversed()) await instance.stop()
  }
}

/** Creates two tenants that belong to different cells if there are two. */
async function createTenants(instance: Instance, loads: readonly LoadGenerator[]): Promise<Place[]> {
  const places: Place[] = []
  for (const cell of [0, 1]) {
    const names = Array.from({ length: 100 }, (_, index) => `tenant-${index}`)
    const namespace = names.find((name) => hashToCell(name, 2) === cell) as string
    const place = { namespace, database: 'main', token: await adminToken(instance, namespace) }
    const requests = seeding(place)
    const { length } = requests
    await loads[0]?.run({ port: instance.port, connections: 1, requests, durationMs: 60_000, maxRequests: length })
    places.push(place)
  }
  return places
}

async function run(
  load: LoadGenerator | undefined,
  port: number | undefined,
  { requests }: Case,
  place: Place,
  durationMs: number,
): Promise<number> {
  if (load === undefined || port === undefined) throw new Error('Each tenant needs a load generator and a port.')
  const job = { port, connections: connectionsEach, requests: requests(place), durationMs, maxRequests }
  return (await load.run(job)).throughput
}
