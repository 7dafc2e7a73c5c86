import { type Listed, type Paging, PerSQLError, type Snapshot } from '@persql/contract'
import * as z from 'zod'
import { toIso } from '../../../clock.ts'
import { compareKeys, listPage, mapPage } from '../../../paging.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import type { IdentityStore } from '../../identity.ts'
import type { DatabaseQuotas } from '../../metering/quotas.ts'
import type { TransferSlots } from '../../transfer/transfer-slots.ts'

interface Kept {
  readonly id: string
  readonly label: string
  readonly createdAtMs: number
  readonly automatic: boolean
  readonly rows: number
  /** The stored bytes of the database at that time. Older snapshots have none. */
  readonly bytes?: number
}

/** The parts of the database that its snapshots use. */
export interface SnapshotOptions {
  readonly storage: DurableObjectStorage
  readonly ownPages: SystemStorage
  readonly now: () => number
  /** Copies this database to the snapshot's object. Returns the number of rows. */
  readonly copyTo: (id: string) => Promise<number>
  /** Deletes a snapshot's object. */
  readonly wipe: (id: string) => Promise<void>
  /** Schedules `sweep` for that time. */
  readonly sweepAt: (atMs: number) => void
  readonly quotas: DatabaseQuotas
  /** Called after a snapshot was created. */
  readonly created: () => void
  readonly slots: Pick<TransferSlots, 'take' | 'release'>
}

/** The maximum number of automatic snapshots. A new one replaces the oldest one. */
const MAX_AUTOMATIC = 10
const AUTOMATIC_MS = 30 * 24 * 60 * 60 * 1000
const CUT_OFF_MS = 60_000
/** The minimum time between two sweeps. */
const MIN_PAUSE_MS = 1_000
/** The lifetime of a borrowed copy. */
const BORROWED_MS = 60 * 60 * 1000
const NEWEST_FIRST = {
  name: 'snapshots',
  key: z.tuple([z.int(), z.string()]),
  toKey: ({ createdAtMs, id }: Kept): [number, string] => [createdAtMs, id],
  compare: (a: [number, string], b: [number, string]) => compareKeys(b, a),
}
const PREFIX = 'snapshot/'
const PENDING = 'snapshot-pending/'

/**
 * The snapshots of one database, each in its own object. A snapshot is recorded when it starts and when it is complete,
 * so the sweep finds and deletes partial ones after a crash.
 */
export class Snapshots {
  readonly #options: SnapshotOptions
  readonly #underWay = new Set<string>()
  #drops = 0
  /** The manual snapshots that are being created. */
  #making = 0

  constructor(options: SnapshotOptions) {
    this.#options = options
  }

  /** The time of the newest snapshot; 0 without snapshots. */
  get newestMs(): number {
    return this.#kept()[0]?.createdAtMs ?? 0
  }

  /** The stored bytes of all snapshots. */
  get bytes(): number {
    return this.#kept().reduce((sum, { bytes = 0 }) => sum + bytes, 0)
  }

  /** Returns a page of snapshots, newest first. @throws PerSQLError `invalid_input` for an invalid cursor */
  list(paging: Paging): Listed<Snapshot> {
    return mapPage(listPage(NEWEST_FIRST, paging, this.#kept()), toSnapshot)
  }

  /**
   * Creates a snapshot.
   * @param spared isn't deleted to make room
   * @throws PerSQLError `quota_exceeded`, `copy_impossible` or `copy_cut_off`
   */
  async create(label: string, automatic: boolean, spared?: string): Promise<Snapshot> {
    const { storage, ownPages, now, copyTo, sweepAt, quotas, created } = this.#options
    const alike = this.#kept().filter((snapshot) => snapshot.automatic === automatic)
    const made = alike.length + this.#making
    if (!automatic && made >= quotas.limits.snapshots) throw quotas.exceeded('snapshots', made)
    const bytes = ownPages.tenantBytes()
    const giveBack = quotas.reserve(bytes)
    if (!automatic) this.#making++
    const id = `snap_${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`
    this.#underWay.add(id)
    try {
      ownPages.around(() => {
        storage.kv.put(PENDING + id, now())
        sweepAt(now() + CUT_OFF_MS)
      })
      const createdAtMs = now()
      const drops = this.#drops
      const rows = await copyTo(id)
      // The database was deleted in the meantime: a new database of that name must not inherit its snapshot.
      if (this.#drops !== drops) throw new PerSQLError('copy_cut_off')
      const kept: Kept = { id, label, createdAtMs, automatic, rows, bytes }
      ownPages.around(() => {
        storage.kv.put(PREFIX + id, kept)
        storage.kv.delete(PENDING + id)
        if (automatic) sweepAt(createdAtMs + AUTOMATIC_MS)
      })
      created()
      const oldest = automatic ? alike.slice(MAX_AUTOMATIC - 1) : []
      for (const old of oldest) if (old.id !== spared) await this.delete(old.id)
      return toSnapshot(kept)
    } catch (cause) {
      giveBack()
      throw cause
    } finally {
      if (!automatic) this.#making--
      this.#underWay.delete(id)
    }
  }

  /**
   * Creates an unlisted copy for an export; `leave` or the sweep deletes it. Returns its ID.
   * @throws PerSQLError `too_busy`, `copy_impossible` or `copy_cut_off`
   */
  async borrow(): Promise<string> {
    const { storage, ownPages, now, copyTo, sweepAt, slots } = this.#options
    const id = `snap_${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`
    const endsMs = now() + BORROWED_MS
    slots.take('exports', id, () => this.#underWay.has(id) && now() < endsMs)
    this.#underWay.add(id)
    ownPages.around(() => {
      storage.kv.put(PENDING + id, now())
      sweepAt(now() + CUT_OFF_MS)
    })
    await copyTo(id).catch((cause: unknown) => {
      this.#giveBack(id)
      throw cause
    })
    setTimeout(() => this.#giveBack(id), BORROWED_MS)
    return id
  }

  async leave(id: string): Promise<void> {
    const { storage, ownPages, wipe } = this.#options
    if (storage.kv.get(PENDING + id) === undefined) return
    await wipe(id)
    this.#giveBack(id)
    ownPages.around(() => storage.kv.delete(PENDING + id))
  }

  /** Ends the use of a borrowed copy. */
  #giveBack(id: string): void {
    this.#underWay.delete(id)
    this.#options.slots.release(id)
  }

  /** Deletes a snapshot. @throws PerSQLError `snapshot_not_found` */
  async delete(id: string): Promise<void> {
    const { storage, ownPages, now, sweepAt, quotas } = this.#options
    const { bytes = 0 } = this.#get(id)
    // The snapshot leaves the list first: if its object can't be deleted now, the sweep deletes it later.
    ownPages.around(() => {
      storage.kv.put(PENDING + id, 0)
      storage.kv.delete(PREFIX + id)
    })
    quotas.free(bytes)
    if (await this.#wiped(id)) ownPages.around(() => storage.kv.delete(PENDING + id))
    else sweepAt(now() + CUT_OFF_MS)
  }

  /** Returns a snapshot by its ID, or the last one until a time. @throws PerSQLError `snapshot_not_found` */
  find(wanted: string | number): Snapshot {
    if (typeof wanted === 'string') return toSnapshot(this.#get(wanted))
    const kept = this.#kept().find(({ createdAtMs }) => createdAtMs <= wanted)
    if (!kept) throw new PerSQLError('snapshot_not_found', { snapshot: `at or before ${toIso(wanted)}` })
    return toSnapshot(kept)
  }

  /** Deletes expired and partial snapshots. Returns the next due time. */
  async sweep(nowMs: number): Promise<number | undefined> {
    const { storage, ownPages, sweepAt } = this.#options
    for (const [key] of [...storage.kv.list<number>({ prefix: PENDING })]) {
      const id = key.slice(PENDING.length)
      if (this.#underWay.has(id)) return nowMs + CUT_OFF_MS
      if (await this.#wiped(id)) ownPages.around(() => storage.kv.delete(key))
      else sweepAt(nowMs + CUT_OFF_MS)
    }
    const automatic = this.#kept().filter((snapshot) => snapshot.automatic)
    for (const { id, createdAtMs } of automatic) if (createdAtMs + AUTOMATIC_MS <= nowMs) await this.delete(id)
    const oldest = this.#kept().findLast((snapshot) => snapshot.automatic)
    return oldest && oldest.createdAtMs + AUTOMATIC_MS
  }

  /** Deletes all snapshots, because the database is deleted or replaced. It can be repeated. */
  async drop(): Promise<void> {
    const { storage } = this.#options
    this.#drops++
    for (const id of this.#underWay) this.#options.slots.release(id)
    let isComplete = true
    for (const prefix of [PREFIX, PENDING]) {
      for (const [key] of [...storage.kv.list({ prefix })]) {
        const isWiped = await this.#wiped(key.slice(prefix.length))
        if (isWiped) storage.kv.delete(key)
        isComplete &&= isWiped
      }
    }
    // The remaining snapshots stay on record, so that a retry finds them.
    if (!isComplete) throw new PerSQLError('deletion_incomplete')
  }

  /** Deletes the object of a snapshot and returns whether that succeeded. A failure must not block the others. */
  async #wiped(id: string): Promise<boolean> {
    try {
      await this.#options.wipe(id)
      return true
    } catch (cause) {
      const event = 'snapshot_not_deleted'
      console.error(JSON.stringify({ level: 'error', event, snapshot: id, cause: String(cause) }))
      return false
    }
  }

  /** Returns all snapshots, newest first. */
  #kept(): Kept[] {
    return [...this.#options.storage.kv.list<Kept>({ prefix: PREFIX })]
      .map(([, kept]) => kept)
      .sort((a, b) => b.createdAtMs - a.createdAtMs)
  }

  #get(id: string): Kept {
    const kept = this.#options.storage.kv.get<Kept>(PREFIX + id)
    if (!kept) throw new PerSQLError('snapshot_not_found', { snapshot: `"${id}"` })
    return kept
  }
}

const toSnapshot = ({ createdAtMs, bytes: _, ...kept }: Kept): Snapshot => ({
  ...kept,
  createdAt: toIso(createdAtMs),
})

/** Returns the timer that deletes expired snapshots. */
export const timers = (services: { readonly history: Snapshots; readonly identity: IdentityStore }) => ({
  snapshots: async (nowMs: number) => {
    if (!services.identity.current) return undefined
    const nextMs = await services.history.sweep(nowMs)
    return nextMs === undefined ? undefined : Math.max(nextMs, nowMs + MIN_PAUSE_MS)
  },
})
