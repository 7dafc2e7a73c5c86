import type { ObjectChange } from '../../sqlite/schema-diff.ts'
import type { Statement } from '../../sqlite/tokenizer.ts'
import type { SystemStorage } from '../engine/system-storage.ts'

/** A statement that changed the schema. */
export interface SchemaChange {
  /** The number of the change, which only grows within a database. */
  readonly number: number
  readonly atMs: number
  readonly actor: string
  readonly sql: string
  readonly kind: 'create' | 'alter' | 'drop' | 'other'
  readonly objects: readonly ObjectChange[]
  readonly migrationId: string | null
}

/** The author of schema changes: an actor, and a migration if they are part of one. */
export interface ChangeAuthor {
  readonly actor: string
  readonly migrationId: string | null
}

const PREFIX = 'schema-change/'
/** The storage keys, or their prefixes, that are deleted with the rows and tables of a database. */
export const contentKeys = [PREFIX]
const NUMBER = 'schema-change-number'
const MAX_KEPT = 1_000
const MAX_SQL = 2_000
/** One ALTER can rewrite all views and triggers. */
const MAX_OBJECTS = 100
const MAX_NAME = 200

/**
 * The log of the newest schema changes. Each is written in the transaction of the change, so both are committed or
 * neither is.
 */
export class SchemaChangeLog {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage
  #author: ChangeAuthor | undefined
  #isSilent = false

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
  }

  /** Runs `run` and attributes its schema changes to the author. */
  by<T>(author: ChangeAuthor, run: () => T): T {
    this.#author = author
    try {
      return run()
    } finally {
      this.#author = undefined
    }
  }

  /** Runs `run` without recording its schema changes: the caller records them as one change. */
  withoutLogging<T>(run: () => T): T {
    this.#isSilent = true
    try {
      return run()
    } finally {
      this.#isSilent = false
    }
  }

  /** Records a schema change. `actor` is the default author. */
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
      this.#kv.put(toKey(number), change)
      this.#kv.delete(toKey(number - MAX_KEPT))
    })
  }

  /** Returns changes with numbers below `before`, newest first. */
  list(limit: number, before?: number): SchemaChange[] {
    const end = before === undefined ? {} : { end: toKey(before) }
    return [...this.#kv.list<SchemaChange>({ prefix: PREFIX, reverse: true, limit, ...end })].map(
      ([, change]) => change,
    )
  }
}

/** Returns the number of the last logged schema change. */
export const readChangeNumber = (kv: SyncKvStorage): number => kv.get<number>(NUMBER) ?? 0

const kinds: Record<string, SchemaChange['kind']> = { CREATE: 'create', ALTER: 'alter', DROP: 'drop' }
const toKey = (number: number) => PREFIX + String(number).padStart(12, '0')

/** Truncates a text without splitting a surrogate pair. */
const cut = (text: string, length: number) =>
  text.length <= length ? text : text.slice(0, length).replace(/[\ud800-\udbff]$/, '')
