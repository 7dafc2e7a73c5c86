import { type Endpoint, PerSQLError } from '@persql/contract'
import type { EndpointSpec } from '@persql/endpoint-spec'
import { limitReached } from '../../storage/limit-reached.ts'
import type { SystemStorage } from '../engine/system-storage.ts'
import { type InputReader, inputReader } from './input.ts'

/** An endpoint as it is stored. */
export interface StoredEndpoint {
  readonly spec: EndpointSpec
  readonly status: Endpoint['status']
  readonly version: number
  /** The tables that the endpoint can use: the table scope of the token that saved it. `null` means all. */
  readonly tableScope: readonly string[] | null
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly publishedAtMs: number | null
}

/** A saved version of a spec. */
export interface Version {
  readonly version: number
  readonly spec: EndpointSpec
  readonly savedAtMs: number
  readonly savedBy: string
}

/** A published endpoint, ready to serve. */
export interface OpenEndpoint extends StoredEndpoint {
  readonly readInput: InputReader
}

const MAX_ENDPOINTS = 500
const MAX_VERSIONS = 50

/**
 * The endpoints of a database. They are stored with its data, so a change of their status applies to the next call. The
 * keys `endpoint/<slug>` and `endpoint-version/<slug>/<number>` are not accessible from SQL.
 */
export class Endpoints {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  #open: Map<string, OpenEndpoint> | undefined

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
  }

  /** Clears the cache; called after the database was wiped. */
  forget(): void {
    this.#open = undefined
  }

  /** Returns a published endpoint. */
  published(slug: string): OpenEndpoint | undefined {
    return this.#published().get(slug)
  }

  /** Returns the specs of all published endpoints, sorted by slug. */
  publishedSpecs(): EndpointSpec[] {
    return [...this.#published().values()].map(({ spec }) => spec)
  }

  #published(): Map<string, OpenEndpoint> {
    this.#open ??= new Map(
      this.list()
        .filter(({ status }) => status === 'published')
        .map((stored) => [stored.spec.slug, openEndpoint(stored)]),
    )
    return this.#open
  }

  list(): StoredEndpoint[] {
    return [...this.#kv.list<StoredEndpoint>({ prefix: PREFIX })].map(([, stored]) => stored)
  }

  /** @throws PerSQLError `endpoint_not_found` */
  get(slug: string): StoredEndpoint {
    const stored = this.#kv.get<StoredEndpoint>(PREFIX + slug)
    if (!stored) throw new PerSQLError('endpoint_not_found', { endpoint: slug })
    return stored
  }

  /** @throws PerSQLError `slug_taken` or `limit_reached` */
  create(spec: EndpointSpec, tableScope: StoredEndpoint['tableScope'], savedBy: string, nowMs: number): StoredEndpoint {
    if (this.#kv.get(PREFIX + spec.slug)) throw new PerSQLError('slug_taken', { slug: spec.slug })
    if (this.list().length >= MAX_ENDPOINTS) {
      throw limitReached(MAX_ENDPOINTS, 'endpoints')
    }
    const times = { createdAtMs: nowMs, updatedAtMs: nowMs, publishedAtMs: null }
    const stored: StoredEndpoint = { spec, status: 'draft', version: 1, tableScope, ...times }
    return this.#save(stored, { version: 1, spec, savedAtMs: nowMs, savedBy })
  }

  /** Saves a new version of a spec. */
  change(spec: EndpointSpec, tableScope: StoredEndpoint['tableScope'], savedBy: string, nowMs: number): StoredEndpoint {
    const before = this.get(spec.slug)
    const version = before.version + 1
    const stored = { ...before, spec, tableScope, version, updatedAtMs: nowMs }
    return this.#save(stored, { version, spec, savedAtMs: nowMs, savedBy })
  }

  setStatus(slug: string, status: 'published' | 'paused', nowMs: number): StoredEndpoint {
    const before = this.get(slug)
    return this.#save({ ...before, status, publishedAtMs: status === 'published' ? nowMs : before.publishedAtMs })
  }

  delete(slug: string): void {
    this.get(slug)
    this.#ownPages.around(() => {
      this.#kv.delete(PREFIX + slug)
      for (const [key] of [...this.#kv.list({ prefix: toVersionPrefix(slug) })]) this.#kv.delete(key)
    })
    this.forget()
  }

  /** Returns the versions, newest first. */
  versions(slug: string): Version[] {
    this.get(slug)
    return [...this.#kv.list<Version>({ prefix: toVersionPrefix(slug), reverse: true })].map(([, version]) => version)
  }

  #save(stored: StoredEndpoint, version?: Version): StoredEndpoint {
    const { slug } = stored.spec
    this.#ownPages.around(() => {
      this.#kv.put(PREFIX + slug, stored)
      if (!version) return
      this.#kv.put(versionKey(slug, version.version), version)
      this.#kv.delete(versionKey(slug, version.version - MAX_VERSIONS))
    })
    this.forget()
    return stored
  }
}

/** Compiles the input checks of an endpoint. @throws PerSQLError `invalid_spec` when a pattern doesn't compile */
export const openEndpoint = (stored: StoredEndpoint): OpenEndpoint => ({
  ...stored,
  readInput: inputReader(stored.spec),
})

/** Keys and key prefixes that are deleted together with the tables of a database: endpoints and versions. */
export const contentKeys = ['endpoint']
const PREFIX = 'endpoint/'
const toVersionPrefix = (slug: string) => `endpoint-version/${slug}/`
const versionKey = (slug: string, version: number) => toVersionPrefix(slug) + String(version).padStart(9, '0')
