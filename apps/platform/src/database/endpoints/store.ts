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
  /** The only tables it may touch: those of whoever saved it, who cannot give away more. */
  readonly tableScope: readonly string[] | null
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly publishedAtMs: number | null
}

/** A spec as it was saved once. */
export interface Version {
  readonly version: number
  readonly spec: EndpointSpec
  readonly savedAtMs: number
  readonly savedBy: string
}

/** A published endpoint, ready to be called. */
export interface OpenEndpoint extends StoredEndpoint {
  readonly readInput: InputReader
}

const MAX_ENDPOINTS = 500
const MAX_VERSIONS = 50

/**
 * The endpoints of a database. They live beside its data, so what is published, paused or deleted is so with the next
 * call. `endpoint/<slug>` and `endpoint-version/<slug>/<number>` in the object's own storage, out of reach of SQL.
 */
export class Endpoints {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  #open: Map<string, OpenEndpoint> | undefined

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
  }

  /** To be called when the database was wiped. */
  forget(): void {
    this.#open = undefined
  }

  /** The endpoint that anyone may call. */
  published(slug: string): OpenEndpoint | undefined {
    return this.#published().get(slug)
  }

  /** The specs that anyone may know of, by slug. */
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
      for (const [key] of [...this.#kv.list({ prefix: versionsOf(slug) })]) this.#kv.delete(key)
    })
    this.forget()
  }

  /** The newest first. */
  versions(slug: string): Version[] {
    this.get(slug)
    return [...this.#kv.list<Version>({ prefix: versionsOf(slug), reverse: true })].map(([, version]) => version)
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

/** @throws PerSQLError `invalid_spec` when its patterns do not compile */
export const openEndpoint = (stored: StoredEndpoint): OpenEndpoint => ({
  ...stored,
  readInput: inputReader(stored.spec),
})

/** The keys, or how they begin, of what is deleted with the rows and tables of a database: endpoints and versions. */
export const contentKeys = ['endpoint']
const PREFIX = 'endpoint/'
const versionsOf = (slug: string) => `endpoint-version/${slug}/`
const versionKey = (slug: string, version: number) => versionsOf(slug) + String(version).padStart(9, '0')
