import { PerSQLError } from '@persql/contract'
import type { SizeMeasurement } from '../../database/metering/measurement.ts'
import type { Database } from '../../database/object.ts'
import type { BookkeepingRows } from '../../database/versions/migrations/bookkeeping.ts'
import type { Env } from '../../env.ts'
import { discardObject } from '../../object-files.ts'
import type { Remote } from '../../remote.ts'
import type { StartedBranch, StartedCopy } from './branch-records.ts'
import type { Databases } from './databases.ts'

/** The services that fill branches and forks. */
export interface BranchFillerOptions {
  readonly env: Env
  readonly slug: () => string
  readonly stub: (slug: string) => Remote<Database>
  readonly databases: Pick<Databases, 'recordMeasurement'>
}

/** Fills branches and forks with the content of their parent. */
export class BranchFiller {
  readonly #options: BranchFillerOptions

  constructor(options: BranchFillerOptions) {
    this.#options = options
  }

  /**
   * Loads the parent's schema into a branch, after its objects refuse the revoked tokens. Returns the tables that were
   * copied with their rows.
   */
  fillBranch(started: StartedBranch): Promise<readonly BookkeepingRows[]> {
    return this.#load(started).catch(async (cause: unknown) => {
      if (PerSQLError.from(cause).code !== 'internal') throw cause
      const { slug, id } = started.record
      // A reset keeps no rows, so a damaged branch starts over with an empty file.
      await discardObject(this.#options.env, this.#options.slug(), slug, id)
      return this.#load(started)
    })
  }

  /** Copies all rows of the parent into a fork. Returns its size. */
  async fillFork({ parent, record: { id, slug } }: StartedCopy): Promise<SizeMeasurement | undefined> {
    const namespace = this.#options.slug()
    const fork = this.#options.stub(slug)
    await fork.copyFrom({ id, namespace, slug }, { namespace, name: parent.slug, id: parent.id })
    return fork.measure(id)
  }

  async #load({ parent, record: { id, slug }, live, ended }: StartedBranch): Promise<readonly BookkeepingRows[]> {
    const { stub } = this.#options
    const namespace = this.#options.slug()
    if (ended.length > 0) await stub(slug).revoke(ended)
    const floors = await stub(parent.slug).reserveIds(parent.id, id, live)
    const from = { namespace, name: parent.slug, id: parent.id }
    const carried = await stub(slug).loadSchema({ id, namespace, slug }, from, floors)
    const measured = await stub(slug).measure(id)
    if (measured) this.#options.databases.recordMeasurement(id, measured)
    return carried
  }
}
