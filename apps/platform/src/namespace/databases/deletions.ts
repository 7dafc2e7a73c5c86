import { now } from '../../clock.ts'
import { endContinued } from '../../database-calls.ts'
import type { Env } from '../../env.ts'
import { discardObject } from '../../object-files.ts'
import type { CreditAllocator } from '../credit/credit-allocator.ts'
import type { StorageBill } from '../ledger/storage-bill.ts'
import type { SnapshotBytes } from '../quotas/snapshot-bytes.ts'
import type { BranchRegistry } from './branch-registry.ts'
import type { FileDamage } from './damage.ts'
import type { DatabaseRecord } from './database-rows.ts'
import type { Databases } from './databases.ts'
import type { Hostnames } from './hostnames.ts'
import type { WakeUps } from './wake-ups.ts'

const AT_ONCE = 10
const TRY_AGAIN_MS = 10 * 60 * 1000
/** The time after which the timer checks for an interrupted deletion. */
export const FINISH_AFTER_MS = 30_000

interface DeletionsOptions {
  readonly env: Env
  readonly databases: Databases
  readonly lineage: BranchRegistry
  readonly hostnames: Pick<Hostnames, 'dropDatabase'>
  readonly lending: Pick<CreditAllocator, 'recall'>
  readonly snapshots: SnapshotBytes
  readonly storageBill: Pick<StorageBill, 'forget'>
  readonly wakeUps: Pick<WakeUps, 'clear'>
  readonly files: Pick<FileDamage, 'count'>
  readonly namespace: () => string
  /** Schedules a call of `finishAll`. */
  readonly finishAt: (atMs: number) => void
}

/** The databases that are being deleted. Each deletion is independent, so a failure doesn't delay the others. */
export class Deletions {
  readonly #options: DeletionsOptions
  readonly #underWay = new Map<string, Promise<void>>()

  constructor(options: DeletionsOptions) {
    this.#options = options
  }

  /** Schedules a call of `finishAll`. */
  finishAt(atMs: number): void {
    this.#options.finishAt(atMs)
  }

  /** Deletes every database that is marked for deletion. */
  finishAll(): Promise<void> {
    return this.finish(this.#options.databases.listPendingDeletion().map(({ id }) => id))
  }

  /** Deletes the given databases if they are marked for deletion. Schedules a retry for failures. */
  async finish(ids: readonly string[]): Promise<void> {
    const rest = this.#options.databases.listPendingDeletion().filter(({ id }) => ids.includes(id))
    const worker = async () => {
      for (let record = rest.pop(); record; record = rest.pop()) await this.#once(record)
    }
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, rest.length) }, worker))
  }

  #once(record: DatabaseRecord): Promise<void> {
    const known = this.#underWay.get(record.id)
    if (known) return known
    const ending = this.#end(record)
      .catch((cause: unknown) => {
        this.#log('deletion_failed', record, cause)
        this.#options.finishAt(now() + TRY_AGAIN_MS)
      })
      .finally(() => this.#underWay.delete(record.id))
    this.#underWay.set(record.id, ending)
    return ending
  }

  async #end(record: DatabaseRecord): Promise<void> {
    const { env, databases, lineage, hostnames, lending, wakeUps, snapshots, storageBill, namespace, files } =
      this.#options
    // This comes before the slug is free, because the next database with this slug can have another owner.
    await hostnames.dropDatabase(record.id)
    // Otherwise the deletion would wait until the transaction ends.
    await endContinued(env, `${namespace()}/${record.slug}`)
    // A damaged database can't report its last usage, so that usage isn't billed.
    await lending.recall(record).catch((cause: unknown) => this.#log('last_usage_unknown', record, cause))
    await discardObject(env, namespace(), record.slug, record.id)
    wakeUps.clear(record.slug)
    databases.remove(record.id)
    snapshots.record(record.id, 0)
    storageBill.forget(record.id)
    lineage.remove(record.id)
    if (record.damage !== null) files.count()
  }

  #log(event: string, { slug }: DatabaseRecord, cause: unknown): void {
    const namespace = this.#options.namespace()
    console.error(JSON.stringify({ level: 'error', event, namespace, database: slug, cause: String(cause) }))
  }
}
