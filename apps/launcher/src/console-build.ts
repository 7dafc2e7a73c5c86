import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { consoleSources } from '../sources.mjs'
import { buildOnce } from './build-once.ts'
import { buildDocs } from './docs-build.ts'
import { waitForFolder } from './folder-hold.ts'
import { builtPackages, consoleBuilds, packageBuilder, repository } from './paths.ts'

/** Returns the folder of the console's files, after building them if their sources changed. */
export function buildConsole(): Promise<string> {
  return buildOnce(consoleBuilds, consoleSources, viteBuild)
}

/** Builds what Cloudflare serves as files: the console, the documentation and the client packages. Resolves with the exit code. */
export async function main(): Promise<number> {
  const draft = join(consoleBuilds, randomUUID())
  try {
    await cp(await buildConsole(), draft, { recursive: true })
    await cp(await buildDocs(), join(draft, 'docs'), { recursive: true })
    await promisify(execFile)(process.execPath, [packageBuilder, join(draft, 'packages'), builtPackages])
    await replaceDeployed(draft)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return 0
}

/** Puts a folder in the place of the files that Cloudflare serves. A `wrangler dev` that runs serves them before and after. */
async function replaceDeployed(draft: string): Promise<void> {
  const deployed = join(consoleBuilds, 'deployed')
  const hold = await waitForFolder(consoleBuilds)
  try {
    const old = `${draft}.old`
    if (existsSync(deployed)) await rename(deployed, old)
    await rename(draft, deployed)
    await rm(old, { recursive: true, force: true })
  } finally {
    hold.release()
  }
}

/** Runs Vite in a separate process, which returns its memory when it ends. */
async function viteBuild(outDir: string): Promise<void> {
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
