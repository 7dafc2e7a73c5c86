import { NOTHING, type Totals } from '../../money.ts'
import type { ExclusiveLock } from '../engine/exclusive-lock.ts'

/** The counters in a file. The generation costs no write of its own. */
interface CountersRecord extends Totals {
  readonly generation?: number
  readonly isBehind?: boolean
}

const KEY = 'totals'

/** The counters in the file of a database, with the generation of the file: the number of saves. */
export class SavedCounters {
  readonly #storage: Pick<DurableObjectStorage, 'kv'>
  readonly #exclusion: Pick<ExclusiveLock, 'held'>
  #totals: Totals
  #generation: number
  #reportedGeneration: number
  #isUncertain = false
  #isBehind: boolean

  /** @param exclusion while a task holds the lock, a save can still be rolled back */
  constructor(storage: Pick<DurableObjectStorage, 'kv'>, exclusion: Pick<ExclusiveLock, 'held'>) {
    this.#storage = storage
    this.#exclusion = exclusion
    const { generation = 0, isBehind = false, ...totals } = { ...NOTHING, ...storage.kv.get<CountersRecord>(KEY) }
    this.#totals = totals
    this.#generation = generation
    this.#reportedGeneration = generation
    this.#isBehind = isBehind
  }

  get totals(): Totals {
    return this.#totals
  }

  get generation(): number {
    return this.#generation
  }

  /** Whether the last save can still be rolled back. */
  get isUncertain(): boolean {
    return this.#isUncertain
  }

  /** Whether the file says that the namespace can have higher counters, which were reported before they were saved. */
  get isBehind(): boolean {
    return this.#isBehind
  }

  /** Saves the counters with the next generation of the file. */
  save(totals: Totals, isBehind = false): void {
    this.#totals = totals
    this.#generation++
    this.#isUncertain ||= this.#exclusion.held !== undefined
    this.#isBehind = isBehind
    const record: CountersRecord = { ...totals, generation: this.#generation, ...(isBehind && { isBehind }) }
    this.#storage.kv.put(KEY, record)
  }

  /**
   * Returns a generation that no rollback can revert.
   * @param totals the counters, to repeat a save that could have been rolled back
   */
  reportGeneration(totals: Totals): number {
    if (this.#exclusion.held) return this.#reportedGeneration
    if (this.#isUncertain) {
      this.#isUncertain = false
      this.save(totals)
    }
    this.#reportedGeneration = this.#generation
    return this.#generation
  }

  /** Resets the counters after the database was deleted. */
  forget(): void {
    this.#totals = NOTHING
    this.#generation = 0
    this.#reportedGeneration = 0
    this.#isUncertain = false
    this.#isBehind = false
  }
}
