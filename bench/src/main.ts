import { cases, seeding } from './cases.ts'
import { compareCells } from './cells.ts'
import { LoadGenerator } from './load/generator.ts'
import { type ManyDatabases, openMany } from './many-databases.ts'
import { measureNeighbors } from './neighbors.ts'
import { type Options, readOptions } from './options.ts'
import { type Comparison, compare } from './paired.ts'
import { reportSoak } from './soak/report.ts'
import { soak } from './soak/soak.ts'
import { cellsTable, comparisonTable, manyDatabasesTable, neighborsTable } from './tables.ts'
import { loadGeneratorBundle, startOnlyPlatform, startTargets, type Target, type Targets } from './targets.ts'
import { measureTransactions } from './transactions.ts'

/** Runs `npm run bench`: the platform against the floor or another checkout, as Markdown on stdout and progress on stderr. */
export async function main(args: string[]): Promise<number> {
  const options = readOptions(args)
  if (options.only === 'cells') {
    process.stdout.write(`${cellsTable(await compareCells(await loadGeneratorBundle(), options.effort))}\n`)
    return 0
  }
  if (options.only === 'soak') return runSoak(options)
  const load = new LoadGenerator(await loadGeneratorBundle())
  if (options.only === 'neighbors') return compareNeighbors(options, load)
  if (options.only === 'transactions') return compareTransactions(options, load)
  const targets = await startTargets(options.against)
  const both = [targets.platform, targets.baseline]
  try {
    for (const target of both) await seed(target, load)
    const tables: string[] = []
    if (options.only !== 'databases') tables.push(comparisonTable(await comparisons(options, targets, load)))
    if (options.only === undefined || options.only === 'databases')
      tables.push(manyDatabasesTable(await measurements(options, both, load)))
    process.stdout.write(`${tables.join('\n\n')}\n`)
  } finally {
    load.stop()
    for (const { instance } of both) await instance.stop()
  }
  return 0
}

/** Runs a mixed load for a long time. Fails if memory, descriptors or files grow, or if a call fails. */
async function runSoak({ minutes }: Options): Promise<number> {
  const { instance } = await startOnlyPlatform()
  try {
    const { text, passed } = reportSoak(await soak(instance, minutes))
    process.stdout.write(`${text}\n`)
    return passed ? 0 : 1
  } finally {
    await instance.stop()
  }
}

/** Measures what one tenant's load does to another tenant. */
async function compareNeighbors({ effort }: Options, load: LoadGenerator): Promise<number> {
  const target = await startOnlyPlatform()
  try {
    await seed(target, load)
    process.stdout.write(`${neighborsTable(await measureNeighbors(target, load, effort.pairs))}\n`)
  } finally {
    load.stop()
    await target.instance.stop()
  }
  return 0
}

/** Measures a transaction against the same statements in one batch and in calls of their own. */
async function compareTransactions({ effort }: Options, load: LoadGenerator): Promise<number> {
  const target = await startOnlyPlatform()
  try {
    await seed(target, load)
    process.stdout.write(`${await measureTransactions(target, effort.pairs * 100)}\n`)
  } finally {
    load.stop()
    await target.instance.stop()
  }
  return 0
}

async function comparisons(
  { only = '', connections, effort }: Options,
  targets: Targets,
  load: LoadGenerator,
): Promise<Comparison[]> {
  const results: Comparison[] = []
  for (const each of cases.filter(({ name }) => name.includes(only))) {
    for (const count of connections) {
      const result = await compare(each, count, targets, load, effort)
      process.stderr.write(
        `${each.name}, ${count} connections: ${result.ratio.toFixed(3)} ± ${result.error.toFixed(3)}\n`,
      )
      results.push(result)
    }
  }
  return results
}

async function measurements(options: Options, targets: Target[], load: LoadGenerator): Promise<ManyDatabases[]> {
  const results: ManyDatabases[] = []
  for (const databases of options.databases) {
    results.push(...(await openMany(targets, databases, load, options.effort.pairs)))
    process.stderr.write(`${databases} databases\n`)
  }
  return results
}

async function seed({ instance, place }: Target, load: LoadGenerator): Promise<void> {
  const requests = seeding(place('main'))
  await load.run({ port: instance.port, connections: 1, requests, durationMs: 60_000, maxRequests: requests.length })
}
