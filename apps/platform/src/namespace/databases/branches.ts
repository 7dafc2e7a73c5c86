import { RpcTarget } from 'cloudflare:workers'
import {
  type Api,
  type BranchRole,
  type Database,
  type Listed,
  type Output,
  type Paging,
  PerSQLError,
  type Role,
} from '@persql/contract'
import { derive, expiryWithin } from '../../authority.ts'
import { now, toIso } from '../../clock.ts'
import type { Database as DatabaseObject } from '../../database/object.ts'
import type { BookkeepingRows } from '../../database/versions/migrations/bookkeeping.ts'
import type { Env } from '../../env.ts'
import { discardObject } from '../../object-files.ts'
import type { Remote } from '../../remote.ts'
import type { Audit } from '../audit.ts'
import { type Credentials, idOf, type Minter } from '../tokens/credentials.ts'
import type { Secret, Tokens } from '../tokens/tokens.ts'
import type { BranchOrigin, BranchRegistry } from './branch-registry.ts'
import { branchSlug } from './branch-slug.ts'
import type { DatabaseRecord, Databases } from './databases.ts'

/** The services that branches depend on. */
export interface BranchesOptions {
  readonly storage: DurableObjectStorage
  readonly env: Env
  readonly databases: Databases
  readonly lineage: BranchRegistry
  readonly tokens: Tokens
  readonly credentials: Pick<Credentials, 'authorityOf' | 'creator'>
  readonly audit: Audit
  readonly slug: () => string
  readonly stub: (slug: string) => Remote<DatabaseObject>
  readonly delete: (slug: string, actor: string, action: string) => Promise<void>
  /** Schedules a call of `sweep`. */
  readonly sweepAt: (atMs: number) => void
}

const ROLES: { readonly [role in BranchRole]: Role } = { read: 'readonly', write: 'readwrite', admin: 'admin' }
/** The time after which a fork is checked for an interrupted copy. */
const SWEEP_UNREADY_MS = 30_000
const CLAIMED_S = 60 * 60
const HANDOFF_S = 15 * 60
const HANDED_OFF_S = 24 * 60 * 60

/**
 * Branches: databases with their parent's schema and their own rows. Also creates the tokens that are limited to one
 * branch.
 */
export class Branches extends RpcTarget {
  readonly #options: BranchesOptions
  /** IDs of branches and forks that are being filled. */
  readonly #filling = new Set<string>()
  /**
   * Work in progress by ref. Later calls wait, so that no caller gets a token for a branch that another call resets.
   */
  readonly #underWay = new Map<string, Promise<unknown>>()

  constructor(options: BranchesOptions) {
    super()
    this.#options = options
  }

  /** @throws PerSQLError `database_not_found`, or `invalid_input` for an invalid cursor */
  list(parent: string, paging: Paging = {}): Listed<Database> {
    const { databases } = this.#options
    return databases.branchPage(databases.existing(parent).id, paging)
  }

  /** @throws PerSQLError `database_not_found` or `branch_not_found` */
  get(parent: string, ref: string): Database {
    const { databases, lineage } = this.#options
    const origin = lineage.branch(databases.existing(parent).id, ref)
    const database = origin && databases.listed(origin.databaseId)
    if (!database) throw new PerSQLError('branch_not_found', { ref })
    return database
  }

  /** @throws PerSQLError `database_not_found`, `branch_of_branch`, `slug_taken`, `exceeds_parent` or `token_unknown` */
  claim(
    parent: string,
    ref: string,
    role: BranchRole,
    ttlS: number | undefined,
    secret: Secret,
    minter: Minter,
    actor: string,
  ): Promise<Output<Api['claim_branch']>> {
    return this.#oneByOne(parent, ref, async () => {
      const { credentials, tokens, storage } = this.#options
      const wantedMs = ttlS === undefined ? undefined : ttlS === 0 ? null : now() + ttlS * 1000
      const endsAtMs = credentials.authorityOf(minter)?.expiresAtMs ?? null
      const expiresAtMs = expiryWithin(endsAtMs, wantedMs, now() + CLAIMED_S * 1000, 'ttlSec')
      const wanted = { role: ROLES[role], expiresAtMs }
      derive(credentials.authorityOf(minter), wanted, 'ttlSec')
      const { record, outcome, carried } = await this.#upsert(parent, ref, undefined, expiresAtMs, actor)
      storage.transactionSync(() => {
        // Check again: the credential can have ended in the meantime.
        const authority = derive(credentials.authorityOf(minter), { ...wanted, opens: [record.id] }, 'ttlSec')
        tokens.add(secret, { name: `branch ${ref}`, ...authority, mintedBy: idOf(minter) }, now())
      })
      const claimed = { ...this.#claimed(record, secret.secret, ref, expiresAtMs), outcome }
      return carried.length > 0 ? { ...claimed, rows: { carried: [...carried] } } : claimed
    })
  }

  /** @throws PerSQLError `database_not_found`, `branch_of_branch` or `slug_taken` */
  put(
    parent: string,
    ref: string,
    name: string | undefined,
    expiresAtMs: number | null,
    actor: string,
  ): Promise<Database> {
    return this.#oneByOne(parent, ref, async () => {
      const { record } = await this.#upsert(parent, ref, name, expiresAtMs, actor)
      return this.#options.databases.listed(record.id) as Database
    })
  }

  /** @throws PerSQLError `database_not_found` or `branch_not_found` */
  delete(parent: string, ref: string, actor: string): Promise<void> {
    return this.#oneByOne(parent, ref, async () => {
      const { slug } = this.get(parent, ref)
      await this.#options.delete(slug, actor, 'database.branch_deleted')
    })
  }

  /** @throws PerSQLError `database_not_found`, `branch_not_found`, `exceeds_parent` or `token_unknown` */
  handOff(
    parent: string,
    ref: string,
    role: BranchRole,
    ttlS: number | undefined,
    hash: string,
    minter: Minter,
    actor: string,
  ): { expiresAt: string } {
    const { lineage, audit, credentials } = this.#options
    const { id, slug } = this.get(parent, ref)
    const authority = credentials.authorityOf(minter)
    const wantedMs = ttlS === undefined ? undefined : now() + ttlS * 1000
    const standardMs = now() + HANDOFF_S * 1000
    const expiresAtMs = expiryWithin(authority?.expiresAtMs ?? null, wantedMs, standardMs, 'ttlSec') ?? standardMs
    derive(authority, { role: ROLES[role], expiresAtMs }, 'ttlSec')
    lineage.addHandoff(hash, id, role, expiresAtMs, idOf(minter))
    audit.add(actor, 'database.branch_handed_off', slug, { role }, now())
    return { expiresAt: toIso(expiresAtMs) }
  }

  /** @throws PerSQLError `handoff_not_found` */
  redeem(hash: string, secret: Secret): Output<Api['redeem_handoff']> {
    const { lineage, databases, tokens, audit, storage, credentials } = this.#options
    return storage.transactionSync(() => {
      const nowMs = now()
      const handoff = lineage.takeHandoff(hash, nowMs)
      const origin = handoff && lineage.find(handoff.databaseId)
      const record = handoff && databases.byId(handoff.databaseId)
      if (!handoff || !record || !origin?.ref) throw new PerSQLError('handoff_not_found')
      const { mintedBy } = handoff
      const role = handoff.role as BranchRole
      // A handoff ends with its creator, so the creator still exists.
      const creator = credentials.creator(mintedBy)
      const lastsMs = origin.expiresAtMs ?? nowMs + HANDED_OFF_S * 1000
      const expiresAtMs = Math.min(lastsMs, creator?.expiresAtMs ?? lastsMs)
      const authority = derive(creator, { role: ROLES[role], opens: [record.id], expiresAtMs })
      tokens.add(secret, { name: `handoff ${origin.ref}`, ...authority, mintedBy }, nowMs)
      audit.add('handoff', 'token.created', record.slug, { role, mintedBy }, nowMs)
      return { ...this.#claimed(record, secret.secret, origin.ref, expiresAtMs), role }
    })
  }

  /**
   * Creates a database with all rows of another one, as of one point in time. A fork that a crash interrupts is
   * deleted. @throws PerSQLError `database_not_found`, `slug_taken`, `copy_impossible` or `copy_cut_off`
   */
  async fork(
    parentSlug: string,
    slug: string,
    name: string | undefined,
    expiresAtMs: number | null,
    actor: string,
  ): Promise<Database> {
    const { databases, lineage, audit, stub, storage, sweepAt } = this.#options
    const parent = databases.existing(parentSlug)
    const parentName = databases.get(parentSlug).name
    const nowMs = now()
    const { id } = storage.transactionSync(() => {
      const fork = databases.add(slug, name ?? `${parentName} (fork)`.slice(0, 80), nowMs)
      lineage.put({ ...originOf(parent, fork.id, null, expiresAtMs), parentName })
      sweepAt(nowMs + SWEEP_UNREADY_MS)
      return fork
    })
    const origin = lineage.find(id) as BranchOrigin
    const namespace = this.#options.slug()
    this.#filling.add(id)
    try {
      await stub(slug).copyFrom({ id, namespace, slug }, { namespace, name: parentSlug, id: parent.id })
      const measured = await stub(slug).measure(id)
      storage.transactionSync(() => {
        if (measured) databases.recordMeasurement(id, measured)
        lineage.put({ ...origin, ready: true })
        audit.add(actor, 'database.forked', slug, { parent: parentSlug }, now())
        if (expiresAtMs !== null) sweepAt(expiresAtMs)
      })
      return databases.listed(id) as Database
    } catch (cause) {
      await this.#options.delete(slug, 'system', 'database.fork_failed')
      throw cause
    } finally {
      this.#filling.delete(id)
    }
  }

  /** Deletes expired databases and those that were never filled. Returns the time of the next expiry. */
  async sweep(nowMs: number): Promise<number | undefined> {
    const { databases, lineage } = this.#options
    for (const { databaseId } of lineage.unready()) {
      const database = databases.listed(databaseId)
      if (this.#filling.has(databaseId)) this.#options.sweepAt(nowMs + SWEEP_UNREADY_MS)
      else if (database) await this.#options.delete(database.slug, 'system', 'database.fork_failed')
    }
    for (const { databaseId } of lineage.expired(nowMs)) {
      const database = databases.listed(databaseId)
      if (database) await this.#options.delete(database.slug, 'system', 'database.expired')
      else lineage.remove(databaseId)
    }
    return lineage.nextExpiryMs()
  }

  /** Creates or resets the branch. A reset revokes the branch's tokens before it loads the parent's schema. */
  async #upsert(
    parentSlug: string,
    ref: string,
    name: string | undefined,
    expiresAtMs: number | null,
    actor: string,
  ): Promise<{ record: DatabaseRecord; outcome: 'created' | 'reset'; carried: readonly BookkeepingRows[] }> {
    const { databases, lineage, audit, stub, storage } = this.#options
    const parent = databases.existing(parentSlug)
    if (lineage.find(parent.id)?.ref) throw new PerSQLError('branch_of_branch', { database: parentSlug })
    const known = lineage.branch(parent.id, ref)
    const existing = known && databases.byId(known.databaseId)
    const live = lineage.branches(parent.id).map(({ databaseId }) => databaseId)
    const record = existing ?? this.#add(parent, ref, name)
    const origin = { ...originOf(parent, record.id, ref, expiresAtMs), parentName: databases.get(parentSlug).name }
    const nowMs = now()
    storage.transactionSync(() => {
      if (!existing) lineage.put({ ...origin, ready: false })
      if (existing && name) databases.rename(record.id, name)
    })
    const { tokens } = this.#options
    const { keys } = storage.transactionSync(() => tokens.revoke(tokens.pinnedTo(record.id), nowMs))
    this.#filling.add(record.id)
    const fill = async () => {
      if (keys.length > 0) await stub(record.slug).revoke(keys)
      return this.#fill(parent, record, live)
    }
    let carried: readonly BookkeepingRows[]
    try {
      carried = await fill().catch(async (cause: unknown) => {
        if (PerSQLError.from(cause).code !== 'internal') throw cause
        // A reset keeps no rows, so a damaged branch starts over with an empty file.
        await discardObject(this.#options.env, this.#options.slug(), record.slug, record.id)
        return fill()
      })
    } catch (cause) {
      if (!existing) await this.#options.delete(record.slug, 'system', 'database.fork_failed')
      throw cause
    } finally {
      this.#filling.delete(record.id)
    }
    if (databases.find(parentSlug)?.id !== parent.id) {
      await this.#options.delete(record.slug, 'system', 'database.branch_deleted')
      throw new PerSQLError('database_not_found', { database: parentSlug })
    }
    const outcome = existing ? 'reset' : 'created'
    storage.transactionSync(() => {
      lineage.put({ ...origin, ready: true })
      const action = existing ? 'database.branch_reset' : 'database.branched'
      audit.add(actor, action, record.slug, { parent: parentSlug, ref }, nowMs)
      if (expiresAtMs !== null) this.#options.sweepAt(expiresAtMs)
    })
    return { record, outcome, carried }
  }

  async #fill(
    parent: DatabaseRecord,
    branch: DatabaseRecord,
    live: readonly string[],
  ): Promise<readonly BookkeepingRows[]> {
    const { slug, stub } = this.#options
    const floors = await stub(parent.slug).reserveIds(parent.id, branch.id, live)
    const namespace = slug()
    const identity = { id: branch.id, namespace, slug: branch.slug }
    return stub(branch.slug).loadSchema(identity, { namespace, name: parent.slug, id: parent.id }, floors)
  }

  #add(parent: DatabaseRecord, ref: string, name: string | undefined): DatabaseRecord {
    const { databases } = this.#options
    const slug = branchSlug(parent.slug, ref, (taken) => databases.hasAny(taken))
    const { id } = databases.add(slug, name ?? cut(`${databases.get(parent.slug).name} (${ref})`, 80), now())
    return databases.byId(id) as DatabaseRecord
  }

  #claimed({ slug }: DatabaseRecord, token: string, branchRef: string, expiresAtMs: number | null) {
    const expiresAt = toIso(expiresAtMs)
    return { branchRef, databaseSlug: slug, namespaceSlug: this.#options.slug(), token, expiresAt }
  }

  async #oneByOne<T>(parent: string, ref: string, work: () => Promise<T>): Promise<T> {
    const key = `${parent}/${ref}`
    const before = this.#underWay.get(key)
    const mine = (async () => {
      await before?.catch(() => {
        // The previous call has reported its error to its own caller.
      })
      return work()
    })()
    this.#underWay.set(key, mine)
    try {
      return await mine
    } finally {
      if (this.#underWay.get(key) === mine) this.#underWay.delete(key)
    }
  }
}

/** Returns the first characters, without an unpaired surrogate at the end. */
const cut = (text: string, length: number) => text.slice(0, length).replace(/[\ud800-\udbff]$/, '')

const originOf = (
  parent: DatabaseRecord,
  databaseId: string,
  ref: string | null,
  expiresAtMs: number | null,
): BranchOrigin => ({
  databaseId,
  parentId: parent.id,
  parentSlug: parent.slug,
  parentName: '',
  ref,
  forkedAtMs: now(),
  expiresAtMs,
  ready: false,
})
