import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repository } from '../apps/launcher/src/paths.ts'

/** A registry that has the packages of `node_modules`, so that tests install packages without a network. */
export interface NpmRegistry {
  /** The environment in which npm uses this registry and writes only below the folder. */
  environment(folder: string): NodeJS.ProcessEnv
  stop(): Promise<void>
}

/** Starts the registry. */
export async function startNpmRegistry(): Promise<NpmRegistry> {
  const folders = listFolders()
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '', 'http://registry').pathname).slice(1)
    answer(path, folders, url, response).catch((cause) => response.writeHead(500).end(String(cause)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    environment: (folder) => ({
      PATH: process.env.PATH,
      // In the folder itself, the configuration of the user would hide that of the project.
      HOME: join(folder, 'home'),
      npm_config_registry: url,
      npm_config_cache: join(folder, '.npm'),
      npm_config_prefix: join(folder, 'global'),
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
    }),
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Returns the folders of each installed package, by its name: there is one for each version. */
function listFolders(): Map<string, string[]> {
  const { packages } = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8'))
  const folders = new Map<string, string[]>()
  for (const [folder, { name: alias }] of Object.entries<{ name?: string }>(packages)) {
    const installed = folder.split('node_modules/').slice(1).pop()
    // Some packages are installed under another name.
    const name = installed && (alias ?? installed)
    if (name && !name.startsWith('@persql/')) folders.set(name, [...(folders.get(name) ?? []), folder])
  }
  return folders
}

/** npm looks up an optional peer that two packages share, and doesn't install it. */
const OPTIONAL = { name: 'better-sqlite3', version: '12.0.0', dist: { tarball: 'http://127.0.0.1:9/' } }

async function answer(
  path: string,
  folders: Map<string, string[]>,
  url: string,
  response: ServerResponse,
): Promise<void> {
  if (path.startsWith('tarballs/')) return void response.end(await toTarball(path.slice('tarballs/'.length)))
  const versions = (folders.get(path) ?? []).flatMap((folder) => {
    const file = join(repository, folder, 'package.json')
    // Packages for other platforms aren't installed.
    if (!existsSync(file)) return []
    const dist = { tarball: `${url}/tarballs/${encodeURIComponent(folder)}` }
    const manifest = JSON.parse(readFileSync(file, 'utf8'))
    return manifest.version === undefined ? [] : [{ ...manifest, dist }]
  })
  if (path === OPTIONAL.name) versions.push(OPTIONAL)
  if (versions.length === 0) return void response.writeHead(404).end('{}')
  const document = {
    name: path,
    'dist-tags': { latest: versions[0].version },
    versions: Object.fromEntries(versions.map((manifest) => [manifest.version, manifest])),
  }
  response.end(JSON.stringify(document))
}

async function toTarball(folder: string): Promise<Buffer> {
  const args = ['-cz', '--transform', 's,^\\./,package/,', '--exclude', './node_modules', '.']
  const options = { cwd: join(repository, folder), encoding: 'buffer', maxBuffer: 256 * 1024 * 1024 } as const
  return (await promisify(execFile)('tar', args, options)).stdout
}
