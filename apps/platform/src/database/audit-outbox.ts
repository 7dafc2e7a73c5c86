/** Something that was done to a database, for the audit log of its namespace. */
export interface Deed {
  /** Numbers of one database only grow: the namespace knows by them what it has taken. */
  readonly number: number
  readonly atMs: number
  readonly actor: string
  readonly action: string
  readonly target: string
  readonly detail: Readonly<Record<string, string | number | boolean | null>>
}

const PREFIX = 'deed/'
const NUMBER = 'deeds'

/** Keeps deeds, written with what was done, until the namespace has them: neither is without the other. */
export class AuditOutbox {
  readonly #kv: SyncKvStorage

  constructor(storage: DurableObjectStorage) {
    this.#kv = storage.kv
  }

  add(deed: Omit<Deed, 'number'>): void {
    const number = (this.#kv.get<number>(NUMBER) ?? 0) + 1
    this.#kv.put(NUMBER, number)
    this.#kv.put(PREFIX + String(number).padStart(12, '0'), { ...deed, number } satisfies Deed)
  }

  waiting(): Deed[] {
    return [...this.#kv.list<Deed>({ prefix: PREFIX, limit: 100 })].map(([, deed]) => deed)
  }

  taken(deeds: readonly Deed[]): void {
    for (const { number } of deeds) this.#kv.delete(PREFIX + String(number).padStart(12, '0'))
  }
}
