import { now } from '../../clock.ts'
import type { Env } from '../../env.ts'
import { discardObject } from '../../object-files.ts'
import type { CreditAllocator } from '../credit/credit-allocator.ts'
import type { BranchRegistry } from './branch-registry.ts'
import type { DatabaseRecord, Databases } from './databases.ts'
import type { Hostnames } from './hostnames.ts'

const AT_ONCE = 10
const TRY_AGAIN_MS = 10 * 60 * 1000
/** When the timer looks for a deletion that may have been interrupted. */
export const FINISH_AFTER_MS = 30_000

interface DeletionsOptions {
  readonly env: Env
  readonly databases: Databases
  readonly lineage: BranchRegistry
  readonly hostnames: Pick<Hostnames, 'dropDatabase'>
  readonly lending: Pick<CreditAllocator, 'recall'>
  readonly namespace: () => string
  /** Has `finishAll` called at that time. */
  readonly finishAt: (atMs: number) => void
}

/** The databases that are being deleted. Each ends on its own, so that one that cannot end now holds up no other. */
export class Deletions {
  readonly #options: DeletionsOptions
  readonly #underWay = new Map<string, Promise<void>>()

  constructor(options: DeletionsOptions) {
    this.#options = options
  }

  /** Has `finishAll` called at that time. */
  finishAt(atMs: number): void {
    this.#options.finishAt(atMs)
  }

  /** Ends every database that is marked for it. */
  finishAll(): Promise<void> {
    return this.finish(this.#options.databases.listPendingDeletion().map(({ id }) => id))
  }

  /** Ends these databases, if they are marked for it. What cannot be ended now is tried again later. */
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
    const { env, databases, lineage, hostnames, lending, namespace } = this.#options
    // Before the slug is free again: what is created under it later is another's.
    await hostnames.dropDatabase(record.id)
    // What a damaged database cannot report any more was not used, as far as anybody knows.
    await lending.recall(record).catch((cause: unknown) => this.#log('last_usage_unknown', record, cause))
    await discardObject(env, namespace(), record.slug, record.id)
    databases.remove(record.id)
    lineage.remove(record.id)
  }

  #log(event: string, { slug }: DatabaseRecord, cause: unknown): void {
    const namespace = this.#options.namespace()
    console.error(JSON.stringify({ level: 'error', event, namespace, database: slug, cause: String(cause) }))
  }
}
