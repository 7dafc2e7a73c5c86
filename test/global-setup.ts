import { buildPlatform } from '../apps/launcher/src/build.ts'

/** Builds the platform once for all tests that start it. */
export default async function setup(): Promise<void> {
  await buildPlatform()
}
