import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import type { Env } from '../../env.ts'
import { clientStore } from '../../oauth-server/clients.ts'
import { getAudience } from '../../oauth-server/server.ts'
import type { OAuthStore, RecordOptions } from '../../oauth-server/store.ts'
import type { Members } from '../members/members.ts'
import type { AppGrants } from './app-grants.ts'
import type { EndedKeys } from './ended-keys.ts'
import type { GrantRecord, OAuthRecords } from './oauth-records.ts'
import type { Tokens } from './tokens.ts'

/** The services that the grant store depends on. */
export interface AppStoreOptions {
  readonly storage: DurableObjectStorage
  readonly env: Env
  readonly tokens: Tokens
  readonly members: Members
  readonly records: OAuthRecords
  readonly grants: AppGrants
  readonly ended: EndedKeys
}

const SPENT_S = 31 * 24 * 60 * 60

/** The library's records in one namespace. */
export interface AppStore extends OAuthStore {
  /** Writes the puts that were held back. Call it in a transaction. @throws PerSQLError `token_unknown` */
  write(puts: readonly Put[]): void
}

/** A record that the library writes. */
export interface Put {
  readonly key: string
  readonly value: string
  readonly options: RecordOptions
}

/** Holds back the library's writes, so that they can be written in one transaction with their consequences. */
export function heldBack(store: AppStore): { readonly store: OAuthStore; readonly puts: readonly Put[] } {
  const puts: Put[] = []
  const put: OAuthStore['put'] = async (key, value, options = {}) => {
    if (isClient(key)) await store.put(key, value, options)
    else puts.push({ key, value, options })
  }
  return { store: { ...store, put }, puts }
}

const isClient = (key: string) => key.startsWith('client:')

/**
 * Creates the library's storage in a namespace. Clients come from the instance's records, and an access token is also a
 * token of the namespace.
 */
export function createOAuthGrantStore({
  storage,
  env,
  tokens,
  members,
  records,
  grants,
  ended,
}: AppStoreOptions): AppStore {
  const clients = clientStore(env)

  /** @throws PerSQLError `token_unknown` if the grant ended or its member left while the library was working */
  function checkGrant(key: string, value: string): void {
    const { id, refreshTokenId, metadata } = JSON.parse(value) as GrantRecord
    const before = records.get<GrantRecord>(key, now())
    if (!members.find(metadata.userId) || (refreshTokenId !== undefined && !before))
      throw new PerSQLError('token_unknown')
    const spent = before?.refreshTokenId
    if (spent === undefined || spent === refreshTokenId) return
    records.put(`spent:${id}:${spent}`, 'true', { expirationTtl: SPENT_S }, now())
  }

  function addToken(key: string, expiresIn: number): void {
    const [, user = '', grantId = '', hash = ''] = key.split(':')
    const grant = records.get<GrantRecord>(`grant:${user}:${grantId}`, now())
    if (!grant) throw new PerSQLError('token_unknown')
    const { clientName, role, databases, userId } = grant.metadata
    const app = { grantId, userId, audience: getAudience(grant.resource) }
    tokens.addOfApp(hash, { name: clientName, role, expiresIn }, databases, app, now())
  }

  function write(puts: readonly Put[]): void {
    for (const { key, value, options } of puts) {
      if (key.startsWith('grant:')) checkGrant(key, value)
      if (key.startsWith('token:')) addToken(key, options.expirationTtl ?? 0)
      records.put(key, value, options, now())
    }
  }

  return {
    write,
    get: async (key) => (isClient(key) ? clients.get(key) : (records.get(key, now()) ?? null)),
    put: async (key, value, options = {}) => {
      if (isClient(key)) return clients.put(key, value, options)
      storage.transactionSync(() => write([{ key, value, options }]))
    },
    delete: async (key) => {
      if (key.startsWith('grant:')) {
        grants.end(key.split(':')[2] ?? '', 'system', 'app.revoked')
        return
      }
      const hash = /^token:[^:]*:[^:]*:(.+)$/.exec(key)?.[1]
      if (hash) ended.add(tokens.revoke(tokens.idsByHash(hash), now()).keys)
      records.delete(key)
    },
    list: async ({ prefix }) => ({ keys: records.keys(prefix, now()), list_complete: true }),
  }
}
