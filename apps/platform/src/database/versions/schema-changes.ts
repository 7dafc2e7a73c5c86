import type { ObjectChange } from '../../sqlite/schema-diff.ts'
import type { Statement } from '../../sqlite/tokenizer.ts'
import type { SystemStorage } from '../engine/system-storage.ts'

/** A statement that changed the schema. */
export interface SchemaChange {
  /** Numbers of one database only grow. */
  readonly number: number
  readonly atMs: number
  readonly actor: string
  readonly sql: string
  readonly kind: 'create' | 'alter' | 'drop' | 'other'
  readonly objects: readonly ObjectChange[]
  readonly migrationId: string | null
}

/** On whose behalf statements run, and as part of what. */
export interface ChangeAuthor {
  readonly actor: string
  readonly migrationId: string | null
}

const PREFIX = 'schema-change/'
/** The keys, or how they begin, of what is deleted with the rows and tables of a database. */
export const contentKeys = [PREFIX]
const NUMBER = 'schema-change-number'
const MAX_KEPT = 1_000
const MAX_SQL = 2_000
/** One ALTER may rewrite all views and triggers there are. */
const MAX_OBJECTS = 100
const MAX_NAME = 200

/** The newest changes of the schema, each written in the transaction of the change: neither is without the other. */
export class SchemaChangeLog {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  #author: ChangeAuthor | undefined
  #isSilent = false

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
  }

  /** What changes the schema while `run` runs is the author's. */
  by<T>(author: ChangeAuthor, run: () => T): T {
    this.#author = author
    try {
      return run()
    } finally {
      this.#author = undefined
    }
  }

  /** What changes the schema while `run` runs is not recorded: whoever calls this records it as one change. */
  withoutLogging<T>(run: () => T): T {
    this.#isSilent = true
    try {
      return run()
    } finally {
      this.#isSilent = false
    }
  }

  /** `actor` is who did it when no author was named. */
  add(
    { text, verb }: Pick<Statement, 'text' | 'verb'>,
    objects: readonly ObjectChange[],
    actor: string,
    atMs: number,
  ): void {
    if (this.#isSilent) return
    const number = (this.#kv.get<number>(NUMBER) ?? 0) + 1
    const change: SchemaChange = {
      number,
      atMs,
      ...(this.#author ?? { actor, migrationId: null }),
      sql: cut(text, MAX_SQL),
      kind: kinds[verb] ?? 'other',
      objects: objects.slice(0, MAX_OBJECTS).map((object) => ({
        ...object,
        name: cut(object.name, MAX_NAME),
        ...(object.from !== undefined && { from: cut(object.from, MAX_NAME) }),
      })),
    }
    this.#ownPages.around(() => {
      this.#kv.put(NUMBER, number)
      this.#kv.put(keyOf(number), change)
      this.#kv.delete(keyOf(number - MAX_KEPT))
    })
  }

  /** The newest first, from before the number `before`. */
  list(limit: number, before?: number): SchemaChange[] {
    const end = before === undefined ? {} : { end: keyOf(before) }
    return [...this.#kv.list<SchemaChange>({ prefix: PREFIX, reverse: true, limit, ...end })].map(
      ([, change]) => change,
    )
  }
}

const kinds: Record<string, SchemaChange['kind']> = { CREATE: 'create', ALTER: 'alter', DROP: 'drop' }
const keyOf = (number: number) => PREFIX + String(number).padStart(12, '0')

/** The first characters, without half of a pair at the end. */
const cut = (text: string, length: number) =>
  text.length <= length ? text : text.slice(0, length).replace(/[\ud800-\udbff]$/, '')
