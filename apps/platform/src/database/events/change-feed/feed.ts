import type { Change } from '@persql/contract'
import { randomText } from '../../../token.ts'
import { ALL } from '../../engine/engine.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'

/** A change with its sequence number in the feed. */
export interface FeedEvent extends Change {
  readonly seq: number
}

/** Receives the events of each commit. */
export type Listener = (events: readonly FeedEvent[]) => void

interface State {
  /** Random ID of this feed. It changes when the feed is recreated, so old cursors become invalid. */
  readonly epoch: string
  /** Sequence number after which all events are stored. */
  readonly base: number
  /** Time until which events are stored without a listener. */
  readonly untilMs: number
  /** Whether something changed while no events were stored. */
  readonly gap: boolean
}

const STATE = 'feed'
const PREFIX = 'feed-event/'
const REPLACING = 'feed-replacing'
const MAX_EVENTS = 1_000
/**
 * Subscribers that reconnect within this time get the events they missed. `untilMs` is rewritten when half of it has
 * passed.
 */
const LINGER_MS = 10 * 60 * 1000

/**
 * The committed changes, in order: `feed-event/<seq of the last>` holds the events of one commit and is written in its
 * transaction. After a while without listeners, only the fact that something changed is stored, once.
 */
export class ChangeFeed {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  readonly #now: () => number
  readonly #listeners = new Set<Listener>()
  #state: State | undefined
  #ring: FeedEvent[] = []

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage, now: () => number) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
    this.#now = now
    this.#load()
  }

  /** Whether events are stored. */
  get isHeard(): boolean {
    return this.#state !== undefined && (this.#listeners.size > 0 || this.#state.untilMs > this.#now())
  }

  /** The current cursor; only meaningful after `attend`. */
  get cursor(): string {
    return this.cursorAt(this.#seq)
  }

  cursorAt(seq: number): string {
    return `${this.#state?.epoch}.${seq}`
  }

  /** Stores events from now until `LINGER_MS` after the last call. */
  attend(): void {
    const untilMs = this.#now() + LINGER_MS
    const state = this.#state ?? { epoch: randomText(10), base: 0, untilMs, gap: false }
    if (state.gap) {
      const base = this.#seq + 1
      this.#forgetEvents()
      this.#put({ ...state, base, untilMs, gap: false })
    } else if (state !== this.#state || state.untilMs < untilMs - LINGER_MS / 2) this.#put({ ...state, untilMs })
  }

  /** Returns the changes after a cursor, or a change of all tables if the cursor is too old or invalid. */
  since(cursor: string): readonly FeedEvent[] {
    const [epoch, at] = cursor.split('.')
    const seq = Number(at)
    if (epoch !== this.#state?.epoch || seq < this.#base || seq > this.#seq) return [{ ...ALL, seq: this.#seq }]
    return this.#ring.filter((event) => event.seq > seq)
  }

  listen(listener: Listener): () => void {
    this.attend()
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0 && this.#state) this.attend()
    }
  }

  /** Stores changes and notifies the listeners. Called in the turn, and so in the transaction, of the changes. */
  commit(changes: readonly Change[]): void {
    this.notify(this.store(changes))
  }

  /** Stores changes in the transaction of the changes. Returns the events of which the listeners are notified later. */
  store(changes: readonly Change[]): readonly FeedEvent[] {
    const state = this.#state
    if (!state) return []
    if (!this.isHeard) {
      if (!state.gap) this.#put({ ...state, gap: true })
      return []
    }
    const events = changes.map((change, i): FeedEvent => ({ ...change, seq: this.#seq + 1 + i }))
    this.#ownPages.around(() => {
      this.#kv.put(toKey(this.#seq + events.length), changes)
      this.#ring.push(...events)
      this.#prune()
    })
    return events
  }

  notify(events: readonly FeedEvent[]): void {
    if (events.length > 0) for (const listener of [...this.#listeners]) listener(events)
  }

  /**
   * Marks that all tables are about to be replaced. If a crash interrupts that, subscribers that reconnect receive a
   * change of all tables.
   */
  replacing(): void {
    if (this.#state) this.#kv.put(REPLACING, true)
  }

  /** Clears the mark. `done` is true if the tables were replaced. */
  replaced(done: boolean): void {
    if (!this.#kv.get(REPLACING)) return
    this.#kv.delete(REPLACING)
    if (done) this.commit([ALL])
  }

  /** Clears the cache; called after the database was wiped. */
  forget(): void {
    this.#state = undefined
    this.#ring = []
  }

  #load(): void {
    this.#state = this.#kv.get<State>(STATE)
    if (!this.#state) return
    for (const [key, changes] of this.#kv.list<readonly Change[]>({ prefix: PREFIX })) {
      const last = Number(key.slice(PREFIX.length))
      this.#ring.push(...changes.map((change, i) => ({ ...change, seq: last - changes.length + 1 + i })))
    }
    this.replaced(true)
  }

  get #seq(): number {
    return this.#ring.at(-1)?.seq ?? this.#state?.base ?? 0
  }

  get #base(): number {
    const [first] = this.#ring
    return first ? first.seq - 1 : (this.#state?.base ?? 0)
  }

  #put(state: State): void {
    this.#state = state
    this.#ownPages.around(() => this.#kv.put(STATE, state))
  }

  /** Deletes whole commits, oldest first. */
  #prune(): void {
    while (this.#ring.length > MAX_EVENTS) {
      const key = [...this.#kv.list({ prefix: PREFIX, limit: 1 })][0]?.[0] as string
      const last = Number(key.slice(PREFIX.length))
      this.#kv.delete(key)
      this.#ring = this.#ring.filter(({ seq }) => seq > last)
    }
  }

  #forgetEvents(): void {
    this.#ownPages.around(() => {
      for (const [key] of [...this.#kv.list({ prefix: PREFIX })]) this.#kv.delete(key)
    })
    this.#ring = []
  }
}

const toKey = (seq: number) => PREFIX + String(seq).padStart(15, '0')
