import { type Database, type Listed, type Paging, PerSQLError } from '@persql/contract'
import { now } from '../../clock.ts'
import type { SizeMeasurement } from '../../database/metering/measurement.ts'
import type { Selection } from '../../selection.ts'
import type { Audit } from '../audit.ts'
import type { QuotaLimitStore } from '../quotas/limits.ts'
import type { SnapshotBytes } from '../quotas/snapshot-bytes.ts'
import type { ShownDatabases } from '../tokens/selections.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { BranchOrigin, BranchRegistry, Handoff } from './branch-registry.ts'
import { branchSlug } from './branch-slug.ts'
import type { FileDamage } from './damage.ts'
import type { DatabaseDetails } from './database-details.ts'
import type { DatabaseRecord } from './database-rows.ts'
import type { Databases } from './databases.ts'

/** The stores that records of branches and forks consist of. */
export interface BranchRecordsOptions {
  readonly storage: DurableObjectStorage
  readonly databases: Databases
  readonly details: DatabaseDetails
  readonly assertDeletable: (ids: readonly string[]) => void
  readonly files: Pick<FileDamage, 'acceptNew'>
  readonly lineage: BranchRegistry
  readonly tokens: Tokens
  readonly audit: Audit
  readonly limits: QuotaLimitStore
  readonly snapshots: SnapshotBytes
}

/** A branch or fork that is recorded and has to be filled. */
export interface StartedCopy {
  readonly parent: DatabaseRecord
  readonly record: DatabaseRecord
  readonly origin: BranchOrigin
}

/** A branch that is recorded and has to be filled. */
export interface StartedBranch extends StartedCopy {
  readonly ref: string
  readonly isNew: boolean
  /** IDs of the other branches of the parent. */
  readonly live: readonly string[]
  /** Keys of the branch's tokens, which were revoked. */
  readonly ended: readonly string[]
  readonly keptTokens: boolean
}

/** The databases that a token is limited to, by slug, with the ref of the only one if it is a branch. */
export interface OpenedDatabases extends ShownDatabases {
  readonly branch: string | null
}

/** A handoff that is being redeemed, with its branch. */
export interface OpenHandoff extends Handoff {
  readonly record: DatabaseRecord
  readonly ref: string
  readonly branchExpiresAtMs: number | null
}

/** The records of branches and forks. Each step and its audit event are written in one transaction. */
export class BranchRecords {
  readonly #options: BranchRecordsOptions

  constructor(options: BranchRecordsOptions) {
    this.#options = options
  }

  /** @throws PerSQLError `database_not_found`, or `invalid_input` for an invalid cursor */
  list(parent: string, paging: Paging): Listed<Database> {
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

  /**
   * Records a branch that is created or reset, and revokes its tokens and handoff codes unless they are kept.
   * @throws PerSQLError `database_not_found`, `branch_of_branch`, `slug_taken`, `too_many_databases`, or
   * `delete_protected` for a reset, which deletes all rows
   */
  startBranch(
    parentSlug: string,
    ref: string,
    name: string | undefined,
    expiresAtMs: number | null,
    keepTokens: boolean,
    actor: string,
  ): StartedBranch {
    const { databases, details, lineage, tokens, storage } = this.#options
    const parent = databases.existing(parentSlug)
    if (lineage.find(parent.id)?.ref) throw new PerSQLError('branch_of_branch', { database: parentSlug })
    const known = lineage.branch(parent.id, ref)
    const existing = known && databases.byId(known.databaseId)
    if (existing) this.#options.assertDeletable([existing.id])
    const live = lineage.branches(parent.id).map(({ databaseId }) => databaseId)
    const record = existing ?? this.#add(parent, ref, name, actor)
    const parentName = databases.get(parentSlug).name
    const origin = toOrigin({ parent, parentName, databaseId: record.id, ref, expiresAtMs })
    storage.transactionSync(() => {
      if (!existing) lineage.put(origin)
      if (existing && name) details.change(record.id, { name })
    })
    const ended = keepTokens
      ? []
      : storage.transactionSync(() => {
          lineage.dropHandoffs(record.id)
          return tokens.revoke(tokens.pinnedTo(record.id), now()).keys
        })
    return { parent, record, origin, ref, isNew: !existing, live, ended, keptTokens: keepTokens }
  }

  /** Records that a branch has its content. */
  finishBranch({ origin, record, parent, ref, isNew, keptTokens }: StartedBranch, actor: string): void {
    const { storage, lineage, audit, files } = this.#options
    storage.transactionSync(() => {
      lineage.put({ ...origin, ready: true })
      files.acceptNew(record.id)
      const action = isNew ? 'database.branched' : 'database.branch_reset'
      const detail = { parent: parent.slug, ref, ...(keptTokens && !isNew && { keptTokens }) }
      audit.add(actor, action, record.slug, detail, origin.forkedAtMs)
    })
  }

  /** Records a fork that is created. @throws PerSQLError `database_not_found`, `slug_taken`, `too_many_databases` or `quota_exceeded` */
  startFork(
    parentSlug: string,
    slug: string,
    name: string | undefined,
    expiresAtMs: number | null,
    actor: string,
  ): StartedCopy {
    const { databases, lineage, storage, limits, snapshots } = this.#options
    const parent = databases.existing(parentSlug)
    const bytes = databases.getStoredBytes(parent.id)
    limits.assertBytes(databases.storedBytes + snapshots.total, bytes)
    const parentName = databases.get(parentSlug).name
    return storage.transactionSync(() => {
      const { id } = databases.add(slug, name ?? cut(`${parentName} (fork)`, 80), actor, now())
      const origin = toOrigin({ parent, parentName, databaseId: id, ref: null, expiresAtMs })
      lineage.put(origin)
      // The rows arrive later: until then, no other call can use the space.
      databases.reserveBytes(id, bytes)
      return { parent, record: databases.byId(id) as DatabaseRecord, origin }
    })
  }

  /** Records that a fork has its content. */
  finishFork({ origin, record, parent }: StartedCopy, measured: SizeMeasurement | undefined, actor: string): void {
    const { storage, databases, files, lineage, audit } = this.#options
    storage.transactionSync(() => {
      if (measured) databases.recordMeasurement(record.id, measured)
      lineage.put({ ...origin, ready: true })
      files.acceptNew(record.id)
      audit.add(actor, 'database.forked', record.slug, { parent: parent.slug }, now())
    })
  }

  /** Returns whether the parent still exists. */
  hasParent({ parent }: StartedCopy): boolean {
    return this.#options.databases.find(parent.slug)?.id === parent.id
  }

  listed({ record }: StartedCopy): Database {
    return this.#options.databases.listed(record.id) as Database
  }

  /** Returns the branch that a token is limited to, and the slugs of its databases. */
  opened(selection: Selection | null): OpenedDatabases {
    const { databases, lineage, tokens } = this.#options
    const shown = tokens.selections.show(selection)
    const id = shown.database === null ? undefined : databases.find(shown.database)?.id
    return { ...shown, branch: (id && lineage.find(id)?.ref) ?? null }
  }

  addHandoff(hash: string, databaseId: string, role: string, expiresAtMs: number, mintedBy: string | null): void {
    this.#options.lineage.addHandoff(hash, databaseId, role, expiresAtMs, mintedBy)
  }

  /** Deletes a handoff and returns it, so that it can be redeemed only once. @throws PerSQLError `handoff_not_found` */
  takeHandoff(hash: string, nowMs: number): OpenHandoff {
    const { lineage, databases } = this.#options
    const handoff = lineage.takeHandoff(hash, nowMs)
    const origin = handoff && lineage.find(handoff.databaseId)
    const record = handoff && databases.byId(handoff.databaseId)
    if (!handoff || !record || !origin?.ref) throw new PerSQLError('handoff_not_found')
    return { ...handoff, record, ref: origin.ref, branchExpiresAtMs: origin.expiresAtMs }
  }

  #add(parent: DatabaseRecord, ref: string, name: string | undefined, actor: string): DatabaseRecord {
    const { databases } = this.#options
    const slug = branchSlug(parent.slug, ref, (taken) => databases.hasAny(taken))
    const { id } = databases.add(slug, name ?? cut(`${databases.get(parent.slug).name} (${ref})`, 80), actor, now())
    return databases.byId(id) as DatabaseRecord
  }
}

/** Returns the first characters, without an unpaired surrogate at the end. */
const cut = (text: string, length: number) => text.slice(0, length).replace(/[\ud800-\udbff]$/, '')

const toOrigin = ({
  parent,
  ...origin
}: Pick<BranchOrigin, 'databaseId' | 'parentName' | 'ref' | 'expiresAtMs'> & {
  readonly parent: DatabaseRecord
}): BranchOrigin => ({ ...origin, parentId: parent.id, parentSlug: parent.slug, forkedAtMs: now(), ready: false })
