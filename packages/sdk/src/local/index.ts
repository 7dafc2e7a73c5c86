import type { Call, Transport } from '../http.ts'
import { LocalDatabase } from './database.ts'
import { openEngine } from './engine.ts'
import { refusal } from './sql-error.ts'

const DATABASE = /^\/v1\/db\/([^/]+)\/([^/]+)\/(.+)$/

/**
 * Databases in this process. `:memory:` is a database of its own behind each address, a folder (ending in `/`) a file
 * behind each, and a file is the one database of whoever asks first.
 */
export function openLocal(path: string): Transport {
  const opened = new Map<string, Promise<LocalDatabase>>()
  const open = (address: string): Promise<LocalDatabase> => {
    const known = opened.get(address)
    if (known) return known
    const many = path === ':memory:' || path.endsWith('/')
    const [other] = opened.keys()
    if (!many && other !== undefined) {
      const message = `${path} is the database ${other}, and cannot be ${address} too. Give a folder, ending in "/".`
      throw refusal(0, 'one_local_database', message)
    }
    const file = path.endsWith('/') ? `${path}${address.replace('/', '.')}.sqlite` : path
    const database = openEngine(file).then((engine) => new LocalDatabase(engine))
    opened.set(address, database)
    return database
  }
  return {
    async call(call: Call) {
      const [, namespace, slug, name] = DATABASE.exec(call.path) ?? []
      if (!name) throw refusal(0, 'not_available_locally', `Local mode has no ${call.path}: that takes a server.`)
      const database = await open(`${namespace}/${slug}`)
      call.signal?.throwIfAborted()
      return structuredClone(database.call(name, call))
    },
    close() {
      const databases = [...opened.values()]
      opened.clear()
      return Promise.allSettled(databases.map(async (database) => (await database).close()))
    },
  }
}
