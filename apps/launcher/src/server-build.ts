import { cp } from 'node:fs/promises'
import { build } from 'esbuild'
import { serverSources } from '../sources.mjs'
import { hashingBuild, platformBuild, programBuild, vacuumBuild, writeModules } from './build.ts'
import { buildOnce } from './build-once.ts'
import { builtFiles } from './built-files.ts'
import { buildConsole } from './console-build.ts'
import { serverBuilds } from './paths.ts'

/** Returns the folder of the built server, after building it if its sources changed. `builtFiles` names its files. */
export function buildServer(): Promise<string> {
  return buildOnce(serverBuilds, serverSources, async (folder) => {
    const files = builtFiles(folder)
    const [consoleFolder] = await Promise.all([buildConsole(), writeBundles(folder)])
    await cp(consoleFolder, files.console, { recursive: true })
  })
}

/** Returns the esbuild options of all bundles of a server. */
export function serverBundles(folder: string) {
  const files = builtFiles(folder)
  const tasks = [hashingBuild(files.hashing), vacuumBuild(files.vacuum)]
  return [platformBuild(files.platform), ...tasks, programBuild(files.server)]
}

async function writeBundles(folder: string): Promise<void> {
  const results = await Promise.all(serverBundles(folder).map((options) => build(options)))
  await writeModules(results.flatMap(({ outputFiles }) => outputFiles))
}

/** Runs `npm run build`. Resolves with the exit code. */
export async function main(): Promise<number> {
  try {
    process.stdout.write(`Built PerSQL in ${await buildServer()}.\n`)
    return 0
  } catch (cause) {
    process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`)
    return 1
  }
}
