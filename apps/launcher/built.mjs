// @ts-check
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureInstalled, repository, requireWritable } from './install.mjs'
import { run } from './run.mjs'
import { hashSources, serverSources } from './sources.mjs'

/**
 * Imports the built server.
 *
 * @returns {Promise<{ main(args: string[]): Promise<number> }>}
 */
export async function loadServer() {
  return import(pathToFileURL(join(await serverBuild(), 'server.mjs')).href)
}

/**
 * Returns the folder of the built server, and installs and builds it first if its sources changed. Writes nothing if a
 * build exists. Exits the process if the server can't be built.
 *
 * @returns {Promise<string>}
 */
export async function serverBuild() {
  await ensureInstalled({ dev: false })
  const folder = join(repository, 'dist/server', hashSources(repository, serverSources))
  if (existsSync(folder)) return folder
  requireWritable()
  // The tools of a build would keep their memory for as long as this process runs.
  const { code } = await run(['apps/launcher/build.mjs'], 'inherit')
  if (code !== 0) process.exit(code)
  // The sources can have changed during the build.
  return serverBuild()
}
