import { buildPlatform } from '../apps/launcher/src/build.ts'
import { buildConsole } from '../apps/launcher/src/console-build.ts'

/** Builds the platform once for all tests that start it, and the console if it has changed. */
export default async function setup(): Promise<void> {
  await Promise.all([buildPlatform(), buildConsole()])
}
