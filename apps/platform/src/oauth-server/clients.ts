import type { Directory } from '../directory/object.ts'
import type { Env } from '../env.ts'
import { directoryAt, type Remote } from '../remote.ts'
import { fetchClientMetadata } from './fetch-client-metadata.ts'
import type { OAuthStore } from './store.ts'

const PREFIX = 'client:'

/** Returns whether a client ID is the URL of a metadata document. */
export const isDocumentUrl = (clientId: string): boolean => /^https?:\/\//i.test(clientId)

/** Returns the library's store for clients. It contains no other records. */
export function clientStore(env: Env): OAuthStore {
  const clients = () => directoryAt<Remote<Directory>>(env).oauthClients
  return {
    async get(key) {
      if (!key.startsWith(PREFIX)) return null
      const id = key.slice(PREFIX.length)
      if (isDocumentUrl(id)) return fetchClientMetadata(id, env)
      if (id.length > 100) return null
      const record = await clients().get(id)
      return record === undefined ? null : JSON.parse(record)
    },
    async put(key, value, { expirationTtl = 0 } = {}) {
      await clients().put(key.slice(PREFIX.length), value, expirationTtl * 1000)
    },
    async delete() {},
    list: async () => ({ keys: [], list_complete: true }),
  }
}
