import { startHashing } from '../apps/launcher/src/hashing/hashing.ts'
import { testBuild } from './build-folder.ts'
import { makeDataFolder, removeDataFolder } from './data-folder.ts'

/** Where a process hashes passwords, and the key that it expects. */
export interface Hasher {
  address: string
  key: string
}

/** The environment variable with the process of a test run. */
const VARIABLE = 'PERSQL_TEST_HASHER'
/** Queues for the platforms of all workers. */
const SLOTS = 8

/** Starts the process that hashes passwords for the platforms of this test run. Returns a function that stops it. */
export async function openSharedHasher(): Promise<() => Promise<void>> {
  const data = await makeDataFolder('persql-hasher-')
  const log = (...entry: unknown[]) => console.error('The shared process that hashes passwords:', ...entry)
  const { address, key, stop } = await startHashing({ data, built: testBuild().hashing, log, slots: SLOTS })
  process.env[VARIABLE] = JSON.stringify({ address, key } satisfies Hasher)
  return async () => {
    await stop()
    await removeDataFolder(data)
  }
}

/** Returns the process that the platforms of this test run share. Benchmarks have none. */
export function sharedHasher(): Hasher | undefined {
  const text = process.env[VARIABLE]
  return text === undefined ? undefined : JSON.parse(text)
}
