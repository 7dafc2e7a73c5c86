import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { findDocs } from './docs-build.ts'
import { hashFiles } from './hash-files.ts'
import { consoleBuilds, repository } from './paths.ts'

/** The sources of a build. */
const SOURCES = ['apps/console', 'packages/sdk/src', 'packages/endpoint-spec/src', 'package-lock.json']
const KEEP_MS = 24 * 60 * 60 * 1000

/** Returns the folder of the console's files, after building them if their sources changed. */
export async function buildConsole(): Promise<string> {
  const folder = join(consoleBuilds, await hashFiles(SOURCES))
  if (existsSync(folder)) return folder
  const draft = `${folder}.${process.pid}`
  await viteBuild(draft)
  // A rename is atomic: another launcher or test can build or read the folder at the same time.
  await rename(draft, folder).catch(async (cause) => {
    if (!existsSync(folder)) throw cause
    await rm(draft, { recursive: true })
  })
  await removeOld(folder)
  return folder
}

/** Builds the console for Cloudflare, into a folder with a fixed name, next to the built documentation. Resolves with the exit code. */
export async function main(): Promise<number> {
  const deployed = join(consoleBuilds, 'deployed')
  const built = await buildConsole()
  await rm(deployed, { recursive: true, force: true })
  await cp(built, deployed, { recursive: true })
  await cp(await findDocs(), join(deployed, 'docs'), { recursive: true })
  return 0
}

/** Runs Vite in a separate process, which returns its memory when it ends. */
async function viteBuild(outDir: string): Promise<void> {
  await mkdir(consoleBuilds, { recursive: true })
  const vite = join(repository, 'node_modules/vite/bin/vite.js')
  const args = [vite, 'build', join(repository, 'apps/console'), '--outDir', outDir, '--emptyOutDir']
  // The environment of a test would add React's warnings to the build.
  const env = { ...process.env, NODE_ENV: 'production' }
  const child = spawn(process.execPath, [...args, '--logLevel', 'warn'], { stdio: ['ignore', 'pipe', 'pipe'], env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
  const code = await new Promise((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`The console build failed.\n${output}`)
}

/** Removes builds that are old enough to be unused. */
async function removeOld(current: string): Promise<void> {
  for (const name of await readdir(consoleBuilds)) {
    const folder = join(consoleBuilds, name)
    if (folder === current || name === 'deployed') continue
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > KEEP_MS) await rm(folder, { recursive: true, force: true })
  }
}
