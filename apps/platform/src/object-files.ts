import { PerSQLError } from '@persql/contract'
import type { Env } from './env.ts'
import { databaseAt } from './remote.ts'

/**
 * Deletes the object of a database or snapshot with all its data. If a damaged file prevents that, removes the file,
 * and the object starts over with an empty one.
 * @throws Error when neither worked; the caller retries later
 */
export async function discardObject(env: Env, namespace: string, name: string, id: string): Promise<void> {
  const wipe = () => databaseAt<{ wipe(id: string): Promise<void> }>(env, namespace, name).wipe(id)
  try {
    await wipe()
  } catch (cause) {
    // A refusal of our own has another cause than a damaged file.
    if (!env.OBJECT_FILES || PerSQLError.from(cause).code !== 'internal') throw cause
    const file = env.DATABASES.idFromName(`${namespace}/${name}`).toString()
    console.error(
      JSON.stringify({ level: 'error', event: 'damaged_object_removed', namespace, name, file, cause: String(cause) }),
    )
    await removeFiles(env.OBJECT_FILES, file)
    // A running object still has the unlinked file open. Wiping it makes the object start a new file.
    await wipe()
  }
}

/**
 * Deletes the object of a snapshot, whose name is never used again, with its file.
 * @throws Error when the data couldn't be deleted; the caller retries later
 */
export async function discardCopy(env: Env, namespace: string, name: string, id: string): Promise<void> {
  await discardObject(env, namespace, name, id)
  await removeEmptyFile(env, env.DATABASES.idFromName(`${namespace}/${name}`).toString())
}

/**
 * Removes the file that the runtime keeps of an object without data. Only for objects whose name is never used again: an
 * object that is still running continues with the unlinked file. The launcher removes files that remain.
 */
export async function removeEmptyFile({ OBJECT_FILES: files }: Env, id: string): Promise<void> {
  if (files) await removeFiles(files, id).catch(() => {})
}

/** Removes the files of an object. The WAL goes first: SQLite would apply it to a new database file. */
async function removeFiles(files: Fetcher, id: string): Promise<void> {
  for (const suffix of ['-wal', '-shm', '']) {
    const { status } = await files.fetch(`http://files/database/${id}.sqlite${suffix}`, { method: 'DELETE' })
    if (status !== 204 && status !== 404) throw new Error(`Couldn't delete the file of object ${id}: status ${status}.`)
  }
}
