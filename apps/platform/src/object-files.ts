import { PerSQLError } from '@persql/contract'
import type { Env } from './env.ts'
import { databaseAt } from './remote.ts'

/**
 * Deletes the object of a database or snapshot with everything in it. Where damage to its file keeps the object from
 * that, the file is removed, and the object begins again with an empty one.
 * @throws when neither worked; to be repeated then
 */
export async function discardObject(env: Env, namespace: string, name: string, id: string): Promise<void> {
  const wipe = () => databaseAt<{ wipe(id: string): Promise<void> }>(env, namespace, name).wipe(id)
  try {
    await wipe()
  } catch (cause) {
    // Our own refusals say that something else is in the way; the file is not to blame.
    if (!env.OBJECT_FILES || PerSQLError.from(cause).code !== 'internal') throw cause
    const file = env.DATABASES.idFromName(`${namespace}/${name}`).toString()
    console.error(
      JSON.stringify({ level: 'error', event: 'damaged_object_removed', namespace, name, file, cause: String(cause) }),
    )
    await removeFiles(env.OBJECT_FILES, file)
    // An object that was running goes on with the file that has no name any more. Wiping makes it begin a new one.
    await wipe()
  }
}

/** What is written beside the database goes first: it must not be applied to a new one. */
async function removeFiles(files: Fetcher, id: string): Promise<void> {
  for (const suffix of ['-wal', '-shm', '']) {
    const { status } = await files.fetch(`http://files/database/${id}.sqlite${suffix}`, { method: 'DELETE' })
    if (status !== 204 && status !== 404) throw new Error(`Couldn't delete the file of object ${id}: status ${status}.`)
  }
}
