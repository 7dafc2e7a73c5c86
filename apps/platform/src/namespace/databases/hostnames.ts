import { RpcTarget } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import type { Claim, Finding, Owner } from '../../directory/hostnames.ts'
import type { Directory } from '../../directory/object.ts'
import type { Env } from '../../env.ts'
import { customHostnamesOf } from '../../integrations/custom-hostnames.ts'
import type { Remote } from '../../remote.ts'
import type { Audit } from '../audit.ts'
import type { Databases } from './databases.ts'

const RELEASES = 'release/'
const TRY_AGAIN_MS = 10 * 60 * 1000

/** What a namespace lends to its hostnames. */
export interface HostnamesOptions {
  readonly storage: DurableObjectStorage
  readonly env: Env
  readonly databases: Databases
  readonly audit: Audit
  readonly directory: () => Pick<Remote<Directory>, 'hostname' | 'hostnames'>
  readonly slug: () => string
  /** Has `release` called at that moment. */
  readonly releaseAt: (atMs: number) => void
}

/**
 * The hostnames of a namespace's databases. Claims are kept by the Directory; here it is seen to that a claim has a
 * database, and a line in the audit log. That line is written before what takes effect, so a crash between the two leaves
 * one too many and never one too few.
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
      // Deleted meanwhile, and its hostnames dropped before this one was there.
      await this.#claims.dropDatabase(owner.databaseId)
      throw new PerSQLError('database_not_found', { database })
    }
    if (isNew) this.#note(actor, 'hostname.created', hostname, database)
    return claim
  }

  /** A claim that may still become the one that counts. @throws PerSQLError `…_not_found` or `hostname_taken` */
  open(database: string, hostname: string): Promise<Claim> {
    return this.#claims.open(this.#owner(database).databaseId, hostname)
  }

  /** Makes a claim whose record was found the one that counts. @throws PerSQLError `…_not_found` or `hostname_taken` */
  async verify(database: string, hostname: string, finding: Finding, actor: string): Promise<Claim> {
    await this.open(database, hostname)
    this.#note(actor, 'hostname.verified', hostname, database)
    return this.record(database, hostname, finding)
  }

  /** Keeps what a look-up found. @throws PerSQLError `…_not_found` or `hostname_taken` */
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

  /** Has a hostname's certificate given up, in the background, for as long as it takes. */
  cancel(hostname: string): void {
    const { storage, env, releaseAt } = this.#options
    if (!customHostnamesOf(env)) return
    storage.kv.put(RELEASES + hostname, now())
    releaseAt(now())
  }

  /** Drops what leads to a database that is being deleted. To be repeated when it was cut off. */
  async dropDatabase(databaseId: string): Promise<void> {
    for (const { hostname, status } of await this.#claims.list(databaseId)) {
      if (status === 'active') this.cancel(hostname)
    }
    await this.#claims.dropDatabase(databaseId)
  }

  /** Gives certificates up that nobody needs any more; those that could not be are tried again later. */
  async release(): Promise<void> {
    const { storage, releaseAt } = this.#options
    const failed = new Set<string>()
    // Read anew each time: more may be given up while Cloudflare is asked.
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

  /** Whoever proved the hostname since goes on with the certificate that is there. */
  async #release(hostname: string): Promise<void> {
    const { env, directory } = this.#options
    if (!(await directory().hostname(hostname))) await customHostnamesOf(env)?.remove(hostname)
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
