import type { Call, Transport } from '../http.ts'
import { LocalDatabase } from './database.ts'
import { openEngine } from './engine.ts'
import { createError } from './sql-error.ts'

const DATABASE = /^\/v1\/db\/([^/]+)\/([^/]+)\/(.+)$/

/**
 * Opens databases in this process: in memory for `:memory:`, in one file per database for a folder (ending in `/`). A
 * single file can be only one database, the first that is opened.
 */
export function openLocal(path: string): Transport {
  const opened = new Map<string, Promise<LocalDatabase>>()
  const open = (address: string): Promise<LocalDatabase> => {
    const known = opened.get(address)
    if (known) return known
    const many = path === ':memory:' || path.endsWith('/')
    const [other] = opened.keys()
    if (!many && other !== undefined) {
      const message = `${path} is already used by the database ${other}, so it can't also be ${address}. Use a folder (ending in "/") instead.`
      throw createError(0, 'one_local_database', message)
    }
    const file = path.endsWith('/') ? `${path}${address.replace('/', '.')}.sqlite` : path
    const database = openEngine(file).then((engine) => new LocalDatabase(engine))
    opened.set(address, database)
    return database
  }
  return {
    async call(call: Call) {
      const [, namespace, slug, name] = DATABASE.exec(call.path) ?? []
      if (!name)
        throw createError(
          0,
          'not_available_locally',
          `${call.path} isn't available in local mode. Connect to a server.`,
        )
      const database = await open(`${namespace}/${slug}`)
      call.signal?.throwIfAborted()
      return structuredClone(await database.call(name, call))
    },
    close() {
      const databases = [...opened.values()]
      opened.clear()
      return Promise.allSettled(databases.map(async (database) => (await database).close()))
    },
  }
}
