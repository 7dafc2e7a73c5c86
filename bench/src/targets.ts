import { join } from 'node:path'
import { build } from 'esbuild'
import { buildPlatform } from '../../apps/launcher/src/build.ts'
import { repository } from '../../apps/launcher/src/paths.ts'
import { type Instance, startInstance } from './instance.ts'
import type { Place } from './wire.ts'

const namespace = 'acme'

/** An instance and the addresses of its databases. */
export interface Target {
  name: 'platform' | 'floor'
  instance: Instance
  place: (database: string) => Place
}

/** Builds and starts the platform and the floor. */
export async function startTargets(): Promise<{ platform: Target; floor: Target }> {
  const floorBundle = await bundled('bench/src/floor/worker.ts', 'dist/bench-floor.mjs', ['cloudflare:*'])
  const platform = await startInstance(await buildPlatform())
  const floor = await startInstance(floorBundle)
  const token = await adminToken(platform)
  return {
    platform: { name: 'platform', instance: platform, place: (database) => ({ namespace, database, token }) },
    floor: { name: 'floor', instance: floor, place: (database) => ({ namespace, database, token }) },
  }
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

async function adminToken({ url, secret }: Instance): Promise<string> {
  const response = await fetch(`${url}/api/operator/namespaces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ slug: namespace, database: 'main', tokenName: 'bench' }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`The platform gave no token: ${response.status} ${text}`)
  return JSON.parse(text).data.token.token
}
