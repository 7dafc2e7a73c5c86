import { type Listed, type Paging, PerSQLError, type Snapshot } from '@persql/contract'
import * as z from 'zod'
import { toIso } from '../../../clock.ts'
import { compareKeys, mapPage, pageOf } from '../../../paging.ts'
import { limitReached } from '../../../storage/limit-reached.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import type { IdentityStore } from '../../identity.ts'

interface Kept {
  readonly id: string
  readonly label: string
  readonly createdAtMs: number
  readonly automatic: boolean
  readonly rows: number
}

/** Who restores which snapshot. */
export interface Restore {
  readonly actor: string
  readonly label: string
}

/** What snapshots need of the database they are of. */
export interface SnapshotOptions {
  readonly storage: DurableObjectStorage
  readonly ownPages: SystemStorage
  readonly now: () => number
  /** Copies this database into the snapshot's object, and the other way round. They return the number of rows. */
  readonly copyTo: (id: string) => Promise<number>
  readonly copyFrom: (id: string, restore: Restore) => Promise<number>
  /** Wipes a snapshot's object. */
  readonly wipe: (id: string) => Promise<void>
  /** Has `sweep` called at that moment. */
  readonly sweepAt: (atMs: number) => void
}

/** At most so many that people made, and so many that were made by themselves; of those the oldest goes. */
const MAX_MADE = 50
const MAX_AUTOMATIC = 10
const AUTOMATIC_MS = 30 * 24 * 60 * 60 * 1000
const CUT_OFF_MS = 60_000
/** Between two sweeps. */
const MIN_PAUSE_MS = 1_000
/** Whoever reads a borrowed copy has this long. */
const BORROWED_MS = 60 * 60 * 1000
const NEWEST_FIRST = {
  name: 'snapshots',
  key: z.tuple([z.int(), z.string()]),
  keyOf: ({ createdAtMs, id }: Kept): [number, string] => [createdAtMs, id],
  compare: (a: [number, string], b: [number, string]) => compareKeys(b, a),
}
const PREFIX = 'snapshot/'
const PENDING = 'snapshot-pending/'

/**
 * Snapshots of one database, each an object of its own. It is noted before one is begun and when it is whole, so what a
 * crash leaves of one is found and wiped.
 */
export class Snapshots {
  readonly #options: SnapshotOptions
  readonly #underWay = new Set<string>()
  #drops = 0

  constructor(options: SnapshotOptions) {
    this.#options = options
  }

  /** When the newest was made; 0 when there is none. */
  get newestMs(): number {
    return this.#kept()[0]?.createdAtMs ?? 0
  }

  /** Returns a page, the newest first. @throws PerSQLError `invalid_input` for a cursor that is not understood */
  list(paging: Paging): Listed<Snapshot> {
    return mapPage(pageOf(NEWEST_FIRST, paging, this.#kept()), snapshotOf)
  }

  /** @param spared is not dropped to make room. @throws PerSQLError `limit_reached`, `copy_impossible` or `copy_cut_off` */
  async create(label: string, automatic: boolean, spared?: string): Promise<Snapshot> {
    const { storage, ownPages, now, copyTo, sweepAt } = this.#options
    const alike = this.#kept().filter((snapshot) => snapshot.automatic === automatic)
    if (!automatic && alike.length >= MAX_MADE) {
      throw limitReached(MAX_MADE, 'snapshots')
    }
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
      // The database has ended meanwhile: nothing of it may be there for whoever gets its name.
      if (this.#drops !== drops) throw new PerSQLError('copy_cut_off')
      const kept: Kept = { id, label, createdAtMs, automatic, rows }
      ownPages.around(() => {
        storage.kv.put(PREFIX + id, kept)
        storage.kv.delete(PENDING + id)
        if (automatic) sweepAt(createdAtMs + AUTOMATIC_MS)
      })
      const oldest = automatic ? alike.slice(MAX_AUTOMATIC - 1) : []
      for (const old of oldest) if (old.id !== spared) await this.delete(old.id)
      return snapshotOf(kept)
    } finally {
      this.#underWay.delete(id)
    }
  }

  /** A copy that nobody lists, for as long as it is read: `leave` ends it, or the sweep does. Returns its id. */
  async borrow(): Promise<string> {
    const { storage, ownPages, now, copyTo, sweepAt } = this.#options
    const id = `snap_${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`
    this.#underWay.add(id)
    ownPages.around(() => {
      storage.kv.put(PENDING + id, now())
      sweepAt(now() + CUT_OFF_MS)
    })
    await copyTo(id).catch((cause: unknown) => {
      this.#underWay.delete(id)
      throw cause
    })
    setTimeout(() => this.#underWay.delete(id), BORROWED_MS)
    return id
  }

  async leave(id: string): Promise<void> {
    const { storage, ownPages, wipe } = this.#options
    if (storage.kv.get(PENDING + id) === undefined) return
    await wipe(id)
    this.#underWay.delete(id)
    ownPages.around(() => storage.kv.delete(PENDING + id))
  }

  /** @throws PerSQLError `snapshot_not_found` */
  async delete(id: string): Promise<void> {
    const { storage, ownPages, now, sweepAt } = this.#options
    this.#get(id)
    // Gone from the list first: what cannot be wiped now is wiped later.
    ownPages.around(() => {
      storage.kv.put(PENDING + id, 0)
      storage.kv.delete(PREFIX + id)
    })
    if (await this.#wiped(id)) ownPages.around(() => storage.kv.delete(PENDING + id))
    else sweepAt(now() + CUT_OFF_MS)
  }

  /** @throws PerSQLError `snapshot_not_found`, `copy_impossible` or `copy_cut_off` */
  async restore(wanted: string | number, actor: string): Promise<{ restored: Snapshot; before: Snapshot }> {
    const kept =
      typeof wanted === 'string' ? this.#get(wanted) : this.#kept().find(({ createdAtMs }) => createdAtMs <= wanted)
    if (!kept)
      throw new PerSQLError('snapshot_not_found', {
        snapshot: `at or before ${toIso(Number(wanted))}`,
      })
    const before = await this.create(`before restoring "${kept.label}"`.slice(0, 80), true, kept.id)
    await this.#options.copyFrom(kept.id, { actor, label: kept.label })
    return { restored: snapshotOf(kept), before }
  }

  /** Wipes what has had its time, or was cut off. Returns when to come again. */
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

  /** Wipes all snapshots: the database ends, or becomes something else. May be repeated. */
  async drop(): Promise<void> {
    const { storage } = this.#options
    this.#drops++
    let isComplete = true
    for (const prefix of [PREFIX, PENDING]) {
      for (const [key] of [...storage.kv.list({ prefix })]) {
        const isWiped = await this.#wiped(key.slice(prefix.length))
        if (isWiped) storage.kv.delete(key)
        isComplete &&= isWiped
      }
    }
    // The rest is kept on record, or nobody would find it again.
    if (!isComplete) throw new PerSQLError('deletion_incomplete')
  }

  /** Wipes the object of a snapshot and returns whether that worked. One that resists must not hold up the others. */
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

  /** The newest first. */
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

const snapshotOf = ({ createdAtMs, ...kept }: Kept): Snapshot => ({
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
