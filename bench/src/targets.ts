import { copyFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { build } from 'esbuild'
import { buildPlatform } from '../../apps/launcher/src/build.ts'
import { builtFiles, platformModules } from '../../apps/launcher/src/built-files.ts'
import { repository } from '../../apps/launcher/src/paths.ts'
import { buildServer } from '../../apps/launcher/src/server-build.ts'
import { type Instance, startInstance } from './instance.ts'
import type { Place } from './wire.ts'

const namespace = 'acme'
/** The number of reader processes, as an instance on two cores has. */
const READERS = 2

/** An instance and the addresses of its databases. */
export interface Target {
  name: 'platform' | 'floor' | 'other checkout'
  instance: Instance
  place: (database: string) => Place
}

/** The platform, and what it is compared with. */
export interface Targets {
  platform: Target
  baseline: Target
}

/** Builds and starts the platform and its baseline: the platform of the checkout in the folder `against`, or the floor. */
export async function startTargets(against?: string): Promise<Targets> {
  const bundle = await ownPlatform()
  const platform = await startPlatform('platform', bundle)
  return { platform, baseline: against === undefined ? await startFloor(platform, bundle) : await startOther(against) }
}

async function startOther(checkout: string): Promise<Target> {
  const bundle = await buildPlatform(join(repository, 'dist/bench-other/platform.mjs'), resolve(checkout))
  return startPlatform('other checkout', bundle)
}

/** Builds and starts the platform alone. */
export async function startOnlyPlatform(): Promise<Target> {
  return startPlatform('platform', await ownPlatform())
}

/** Builds this checkout's platform, as `npm start` does. */
export async function ownPlatform(): Promise<string> {
  return builtFiles(await buildServer()).platform
}

async function startPlatform(name: Target['name'], bundle: string): Promise<Target> {
  const instance = await startInstance(bundle, READERS)
  const token = await adminToken(instance)
  return { name, instance, place: (database) => ({ namespace, database, token }) }
}

/**
 * Starts the floor. It checks no token, and receives the platform's, so requests are equally long.
 * @param platform the bundle of the platform, whose modules the configuration of the floor names too
 */
async function startFloor({ place }: Target, platform: string): Promise<Target> {
  const bundle = await bundled('bench/src/floor/worker.ts', 'dist/bench-floor/platform.mjs', ['cloudflare:*'])
  for (const name of platformModules) await copyFile(join(dirname(platform), name), join(dirname(bundle), name))
  return { name: 'floor', instance: await startInstance(bundle), place }
}

/** Bundles the load generator program and returns its path. */
export function loadGeneratorBundle(): Promise<string> {
  return bundled('bench/src/load/process.ts', 'dist/bench-load.mjs', ['node:*'])
}

async function bundled(entry: string, output: string, external: string[]): Promise<string> {
  const outfile = join(repository, output)
  await build({
    absWorkingDir: repository,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2023',
    external,
    logLevel: 'error',
  })
  return outfile
}

/** Creates a namespace with a database, unless it exists, and returns a new token for it. */
export async function adminToken({ url, secret }: Instance, slug = namespace): Promise<string> {
  const response = await fetch(`${url}/api/operator/namespaces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ slug, database: 'main', tokenName: 'bench' }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`The platform gave no token: ${response.status} ${text}`)
  return JSON.parse(text).data.token.token
}
