import { mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { identify, isRunning } from '../apps/launcher/src/process-identity.ts'

/** Linux's file system in memory. */
const MEMORY = '/dev/shm'
/** The memory that must be free: several times what the data of all tests needs. */
const NEEDED_BYTES = 4 * 1024 ** 3
/** The environment variable with the folder of a test run. Benchmarks don't set it, because they measure the disk too. */
const VARIABLE = 'PERSQL_TEST_DATA'

/** Creates a folder for the data of an instance: in memory if this is a test run and there is room. */
export function makeDataFolder(prefix = 'persql-'): Promise<string> {
  return mkdtemp(join(process.env[VARIABLE] ?? tmpdir(), prefix))
}

/** Removes the data of an instance. Processes of a launcher that was killed can still write for a moment. */
export const removeDataFolder = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })

/**
 * Puts the data of this test run in memory if there is room, because each write waits for the disk. A process that is
 * killed loses nothing there. Returns a function that removes the data.
 */
export function openDataFolders(): () => void {
  if (!hasRoom()) return () => {}
  removeAbandoned()
  const folder = join(MEMORY, `${ownPrefix()}${process.pid}`)
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  mkdirSync(folder, { mode: 0o700 })
  process.env[VARIABLE] = folder
  process.on('exit', remove)
  return remove
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    return Math.min(bavail * bsize, process.availableMemory()) >= NEEDED_BYTES
  } catch {
    return false
  }
}

/** The beginning of the names of folders here. Containers can share the memory, but not the PIDs. */
const ownPrefix = () => `persql-${identify(process.pid).namespace?.replace(/\D/g, '')}-`

/** Removes the data of test runs that were killed. */
function removeAbandoned(): void {
  const prefix = ownPrefix()
  for (const name of readdirSync(MEMORY).filter((name) => name.startsWith(prefix))) {
    const pid = Number(name.slice(prefix.length))
    if (pid === process.pid || !isRunning({ pid })) rmSync(join(MEMORY, name), { recursive: true, force: true })
  }
}
