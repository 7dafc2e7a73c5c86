import type { TestProject } from 'vitest/node'
import { buildPlatform } from '../apps/launcher/src/build.ts'
import { buildConsole } from '../apps/launcher/src/console-build.ts'
import { openPlatformPool, type PlatformPool } from './platform-pool.ts'

declare module 'vitest' {
  interface ProvidedContext {
    platformPool: string
  }
}

/** Sources of the built platform and console. In watch mode, a change runs the tests again. */
const sources = ['**/apps/{platform,console}/src/**', '**/packages/{contract,endpoint-spec,sdk}/src/**']

/** One per process: Vitest loads this module once per project. */
const shared = globalThis as typeof globalThis & { persqlTests?: Promise<PlatformPool> }

/** Builds platform and console, and opens the pool of platforms that test files share. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.persqlTests ??= build().then(() => openPlatformPool())
  const pool = await shared.persqlTests
  project.provide('platformPool', pool.url)
  if (project.vitest.config.watch) {
    project.vitest.config.forceRerunTriggers.push(...sources)
    project.onTestsRerun(async () => {
      await build()
      await pool.reset()
    })
  }
  return () => pool.stop()
}

async function build(): Promise<void> {
  await Promise.all([buildPlatform(), buildConsole()])
}
