import { type Database, MAX_LABELS, PerSQLError } from '@persql/contract'
import { now, toIso } from '../../clock.ts'
import { isOpenTo, type Selection } from '../../selection.ts'
import type { Audit, AuditEntry } from '../audit.ts'
import type { CreditAllocator } from '../credit/credit-allocator.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { BranchRegistry } from './branch-registry.ts'
import type { DatabaseDetails, DetailChanges } from './database-details.ts'
import type { Databases } from './databases.ts'
import { type Deletions, FINISH_AFTER_MS } from './deletions.ts'

/** The services that the creation and deletion of databases depend on. */
export interface DatabaseServiceOptions {
  readonly storage: DurableObjectStorage
  readonly databases: Databases
  readonly details: DatabaseDetails
  readonly lineage: BranchRegistry
  readonly tokens: Tokens
  readonly audit: Audit
  readonly lending: Pick<CreditAllocator, 'reclaimFrom'>
  readonly deletions: Deletions
  /** Schedules the deletion of expired databases. */
  readonly expireAt: (atMs: number) => void
}

/** Creates, changes and deletes databases. Each change and its audit event are written in one transaction. */
export class DatabaseService {
  readonly #options: DatabaseServiceOptions

  constructor(options: DatabaseServiceOptions) {
    this.#options = options
  }

  /**
   * Returns one of the selected databases; `null` selects all.
   * @throws PerSQLError `database_not_found`, or `token_pinned` for any other database, also for one that doesn't exist
   */
  get(slug: string, selection: Selection | null): Database {
    const { databases, tokens } = this.#options
    if (selection === null) return databases.get(slug)
    const isOpen = databases.hasAny(slug)
      ? tokens.selections.isSelected(selection, databases.get(slug).id)
      : isOpenTo(selection, slug)
    if (!isOpen) throw new PerSQLError('token_pinned')
    return databases.get(slug)
  }

  /**
   * Creates a database whose slug is selected; `null` selects all.
   * @throws PerSQLError `invalid_input`, `slug_taken`, `database_deleting`, `too_many_databases`, `storage_full` or
   * `token_pinned`
   */
  create(
    slug: string,
    name: string,
    actor: string,
    changes: DetailChanges = {},
    selection: Selection | null = null,
  ): Database {
    const { storage, databases, details, audit } = this.#options
    if (!isOpenTo(selection, slug)) throw new PerSQLError('token_pinned')
    const nowMs = now()
    storage.transactionSync(() => {
      const { id } = databases.add(slug, name, actor, nowMs)
      this.#assertMayChange(id, changes, nowMs)
      details.change(id, changes)
      audit.add(actor, 'database.created', slug, toDetail(changes), nowMs)
    })
    this.#scheduleExpiry(changes)
    return databases.get(slug)
  }

  /** Creates a database, named like its slug, unless it exists. */
  ensure(slug: string, actor: string): void {
    if (!this.#options.databases.has(slug)) this.create(slug, slug, actor)
  }

  /**
   * Changes the details of a database. A new limit applies to the next call.
   * @throws PerSQLError `database_not_found` or `invalid_input`
   */
  async update(slug: string, changes: DetailChanges, actor: string): Promise<Database> {
    const { storage, databases, details, lending, audit } = this.#options
    const { id, status } = databases.get(slug)
    if (status === 'deleting') throw new PerSQLError('database_not_found', { database: slug })
    const nowMs = now()
    const detail = toDetail(changes)
    if (Object.keys(detail).length > 0) {
      storage.transactionSync(() => {
        this.#assertMayChange(id, changes, nowMs)
        details.change(id, changes)
        audit.add(actor, 'database.updated', slug, detail, nowMs)
      })
      this.#scheduleExpiry(changes)
      // The database gets the limit with its next lease.
      if (changes.maxBytes !== undefined) await lending.reclaimFrom(id)
    }
    return databases.get(slug)
  }

  /**
   * Deletes a database, its branches, and the tokens that are limited to one of them.
   * @throws PerSQLError `database_not_found`, or `delete_protected` if it or one of its branches is protected
   */
  async delete(slug: string, actor: string, action = 'database.deleted'): Promise<void> {
    const { databases, lineage } = this.#options
    const { id } = databases.get(slug)
    this.assertDeletable([id, ...lineage.branches(id).map(({ databaseId }) => databaseId)])
    await this.#delete(slug, actor, action)
  }

  /** Deletes a database that expired or that was never complete, even if it is protected. */
  async discard(slug: string, action?: string): Promise<void> {
    await this.#delete(slug, 'system', action)
  }

  /** Checks that databases can be deleted; all of them if `ids` is missing. @throws PerSQLError `delete_protected` */
  assertDeletable(ids?: readonly string[]): void {
    const slugs = this.#options.details.listProtected(ids)
    if (slugs.length === 0) return
    const names = slugs.slice(0, 5).map((slug) => `"${slug}"`)
    const rest = slugs.length - names.length
    const list = rest > 0 ? `${names.join(', ')} and ${rest.toLocaleString('en-US')} more` : names.join(', ')
    throw new PerSQLError('delete_protected', { databases: list }, { extra: { databases: slugs } })
  }

  async #delete(slug: string, actor: string, action = 'database.deleted'): Promise<void> {
    const { storage, databases, lineage, tokens, audit, deletions } = this.#options
    const nowMs = now()
    const { id, status } = databases.get(slug)
    const ids = [id, ...lineage.branches(id).map(({ databaseId }) => databaseId)]
    storage.transactionSync(() => {
      if (status !== 'deleting') audit.add(actor, action, slug, {}, nowMs)
      for (const leaving of ids) {
        databases.markPendingDeletion(leaving)
        tokens.revoke(tokens.pinnedTo(leaving), nowMs)
      }
    })
    // The timer finishes an interrupted deletion.
    deletions.finishAt(nowMs + FINISH_AFTER_MS)
    await deletions.finish(ids)
  }

  #assertMayChange(id: string, changes: DetailChanges, nowMs: number): void {
    const { databases, details, lineage } = this.#options
    const { deleteProtected: wasProtected, expiresAt, branchRef, forkedFrom } = databases.listed(id) as Database
    const isProtected = changes.deleteProtected ?? wasProtected
    const expires = changes.expiresAtMs === undefined ? expiresAt !== null : changes.expiresAtMs !== null
    if (isProtected && expires) {
      throw invalid(
        'A database with delete protection can\'t expire. Set "expiresAt" to null, or "deleteProtected" to false.',
      )
    }
    // A database that expires takes its branches with it.
    const parent = branchRef !== null && forkedFrom ? databases.listed(forkedFrom.id) : undefined
    if (isProtected && parent?.expiresAt) {
      throw invalid(`Its parent "${parent.slug}" expires, so this branch can't be protected.`)
    }
    if (expires) this.assertDeletable(lineage.branches(id).map(({ databaseId }) => databaseId))
    if (typeof changes.expiresAtMs === 'number' && changes.expiresAtMs <= nowMs) {
      throw invalid('"expiresAt" must be in the future.')
    }
    const labels = { ...details.labels(id), ...changes.labels }
    const count = Object.values(labels).filter((value) => value !== null).length
    if (count > MAX_LABELS)
      throw invalid(`A database can have at most ${MAX_LABELS} labels. This one would have ${count}.`)
  }

  #scheduleExpiry({ expiresAtMs }: DetailChanges): void {
    if (typeof expiresAtMs === 'number') this.#options.expireAt(expiresAtMs)
  }
}

const invalid = (problem: string) => new PerSQLError('invalid_input', { problem })

/** Returns the changes for the audit log. */
function toDetail({ labels, expiresAtMs, ...changes }: DetailChanges): AuditEntry['detail'] {
  const all = {
    ...changes,
    ...(labels && Object.keys(labels).length > 0 && { labels: JSON.stringify(labels) }),
    ...(expiresAtMs !== undefined && { expiresAt: toIso(expiresAtMs) }),
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as AuditEntry['detail']
}
