import type { TestProject } from 'vitest/node'
import { builtPackages } from '../apps/launcher/src/paths.ts'
import { buildServer } from '../apps/launcher/src/server-build.ts'
import { offerPackages } from '../packages/offer.mjs'
import { BUILD_VARIABLE } from './build-folder.ts'
import { openDataFolders } from './data-folder.ts'
import { openPool, type Pool } from './pool.ts'
import { openSharedHasher } from './shared-hasher.ts'

declare module 'vitest' {
  interface ProvidedContext {
    pool: string
  }
}

/** Sources of the built platform and console. In watch mode, a change runs the tests again. */
const sources = ['**/apps/{platform,console}/src/**', '**/packages/{contract,endpoint-spec,sdk}/src/**']

/** One per process: Vitest loads this module once per project. */
const shared = globalThis as typeof globalThis & { persqlTests?: Promise<Pool> }

/** Builds the server and the client packages, and opens the pool of processes that test files share. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.persqlTests ??= build().then(openPoolWithData)
  const pool = await shared.persqlTests
  project.provide('pool', pool.url)
  if (project.vitest.config.watch) {
    project.vitest.config.forceRerunTriggers.push(...sources)
    project.onTestsRerun(async () => {
      await build()
      await pool.reset()
    })
  }
  return () => pool.stop()
}

/** Opens the pool, whose `stop` also removes the data of all tests. */
async function openPoolWithData(): Promise<Pool> {
  const removeData = openDataFolders()
  const closeHasher = await openSharedHasher()
  const pool = await openPool()
  return { ...pool, stop: () => pool.stop().finally(closeHasher).finally(removeData) }
}

async function build(): Promise<void> {
  const [build] = await Promise.all([buildServer(), offerPackages(builtPackages)])
  process.env[BUILD_VARIABLE] = build
}
