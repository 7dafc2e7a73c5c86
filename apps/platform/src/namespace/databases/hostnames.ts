import { RpcTarget } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import type { Claim, Finding, Owner } from '../../directory/hostnames.ts'
import type { Directory } from '../../directory/object.ts'
import type { Env } from '../../env.ts'
import { createCustomHostnames } from '../../integrations/custom-hostnames.ts'
import type { Remote } from '../../remote.ts'
import type { Audit } from '../audit.ts'
import type { Databases } from './databases.ts'

const RELEASES = 'release/'
const TRY_AGAIN_MS = 10 * 60 * 1000

/** The services that hostnames depend on. */
export interface HostnamesOptions {
  readonly storage: DurableObjectStorage
  readonly env: Env
  readonly databases: Databases
  readonly audit: Audit
  readonly directory: () => Pick<Remote<Directory>, 'hostname' | 'hostnames'>
  readonly slug: () => string
  /** Schedules a call of `release`. */
  readonly releaseAt: (atMs: number) => void
}

/**
 * The hostnames of a namespace's databases. The Directory stores the claims. This class checks that a claim has a
 * database, and writes its audit event. A change that takes effect is logged before it happens, so a crash in between
 * can leave an extra event, but never omit one.
 */
export class Hostnames extends RpcTarget {
  readonly #options: HostnamesOptions

  constructor(options: HostnamesOptions) {
    super()
    this.#options = options
  }

  /** @throws PerSQLError `database_not_found` */
  list(database: string): Promise<Claim[]> {
    return this.#claims.list(this.#owner(database).databaseId)
  }

  /** @throws PerSQLError `database_not_found`, `hostname_taken` or `limit_reached` */
  async claim(database: string, hostname: string, proof: string, actor: string): Promise<Claim> {
    const owner = this.#owner(database)
    const { claim, isNew } = await this.#claims.claim(owner, hostname, proof, now())
    if (this.#options.databases.find(database)?.id !== owner.databaseId) {
      // The database was deleted in the meantime, and its hostnames were dropped before this one existed.
      await this.#claims.dropDatabase(owner.databaseId)
      throw new PerSQLError('database_not_found', { database })
    }
    if (isNew) this.#note(actor, 'hostname.created', hostname, database)
    return claim
  }

  /** Returns a claim that can still be verified. @throws PerSQLError `…_not_found` or `hostname_taken` */
  open(database: string, hostname: string): Promise<Claim> {
    return this.#claims.open(this.#owner(database).databaseId, hostname)
  }

  /** Activates a claim whose DNS record was found. @throws PerSQLError `…_not_found` or `hostname_taken` */
  async verify(database: string, hostname: string, finding: Finding, actor: string): Promise<Claim> {
    await this.open(database, hostname)
    this.#note(actor, 'hostname.verified', hostname, database)
    return this.record(database, hostname, finding)
  }

  /** Records the result of a lookup. @throws PerSQLError `…_not_found` or `hostname_taken` */
  record(database: string, hostname: string, finding: Finding): Promise<Claim> {
    return this.#claims.record(this.#owner(database).databaseId, hostname, finding, now())
  }

  /** @throws PerSQLError `database_not_found` or `hostname_not_found` */
  async remove(database: string, hostname: string, actor: string): Promise<void> {
    const { databaseId } = this.#owner(database)
    const { status } = await this.#claims.get(databaseId, hostname)
    this.#note(actor, 'hostname.deleted', hostname, database)
    if (status === 'active') this.cancel(hostname)
    await this.#claims.remove(databaseId, hostname)
  }

  /** Schedules the removal of a hostname's certificate, with retries. */
  cancel(hostname: string): void {
    const { storage, env, releaseAt } = this.#options
    if (!createCustomHostnames(env)) return
    storage.kv.put(RELEASES + hostname, now())
    releaseAt(now())
  }

  /** Deletes the hostnames of a database that is being deleted. Repeat it after an interruption. */
  async dropDatabase(databaseId: string): Promise<void> {
    for (const { hostname, status } of await this.#claims.list(databaseId)) {
      if (status === 'active') this.cancel(hostname)
    }
    await this.#claims.dropDatabase(databaseId)
  }

  /** Removes certificates that are no longer used. Schedules a retry for failures. */
  async release(): Promise<void> {
    const { storage, releaseAt } = this.#options
    const failed = new Set<string>()
    // Read the list again each time: it can grow while Cloudflare responds.
    const next = () => [...storage.kv.list<number>({ prefix: RELEASES })].find(([key]) => !failed.has(key))
    for (let release = next(); release; release = next()) {
      const [key, atMs] = release
      const hostname = key.slice(RELEASES.length)
      try {
        await this.#release(hostname)
        if (storage.kv.get<number>(key) === atMs) storage.kv.delete(key)
      } catch (cause) {
        failed.add(key)
        const event = 'certificate_not_released'
        console.error(JSON.stringify({ level: 'warn', event, hostname, cause: String(cause) }))
      }
    }
    if (failed.size > 0) releaseAt(now() + TRY_AGAIN_MS)
  }

  /** Removes a certificate, unless the hostname was verified again since and uses it. */
  async #release(hostname: string): Promise<void> {
    const { env, directory } = this.#options
    if (!(await directory().hostname(hostname))) await createCustomHostnames(env)?.remove(hostname)
  }

  #owner(database: string): Owner {
    const { databases, slug } = this.#options
    return { namespace: slug(), database, databaseId: databases.existing(database).id }
  }

  #note(actor: string, action: string, hostname: string, database: string): void {
    this.#options.audit.add(actor, action, hostname, { database }, now())
  }

  get #claims() {
    return this.#options.directory().hostnames
  }
}
