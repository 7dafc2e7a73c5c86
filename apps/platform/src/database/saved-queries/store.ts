import { type Listed, type Paging, PerSQLError, type SavedQuery } from '@persql/contract'
import * as z from 'zod'
import { toIso } from '../../clock.ts'
import { compareKeys, listPage } from '../../paging.ts'
import { limitReached } from '../../storage/limit-reached.ts'
import { randomText } from '../../token.ts'
import type { SystemStorage } from '../engine/system-storage.ts'

/** A saved query as it is stored. */
export interface StoredQuery {
  readonly id: string
  readonly name: string
  readonly sql: string
  readonly version: number
  readonly createdAtMs: number
  readonly createdBy: string
  readonly updatedAtMs: number
  readonly updatedBy: string
}

/** The fields of a saved query that a user sets. */
export type SavedQueryInput = Pick<StoredQuery, 'name' | 'sql'>

const MAX_SAVED = 500
const PREFIX = 'saved-query/'
const NAMES = 'saved-query-name/'
/** Keys and key prefixes that are deleted together with the tables of a database. */
export const contentKeys = ['saved-query']

/**
 * The saved queries of a database, not accessible from SQL: `saved-query/<id>`, and the ID under
 * `saved-query-name/<name>`.
 */
export class SavedQueries {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
  }

  /**
   * Returns a page, sorted by name with numbers in numeric order. @throws PerSQLError `invalid_input` for an invalid
   * cursor
   */
  page(paging: Paging): Listed<StoredQuery> {
    return listPage(
      BY_NAME,
      paging,
      [...this.#kv.list<StoredQuery>({ prefix: PREFIX })].map(([, stored]) => stored),
    )
  }

  /** @throws PerSQLError `saved_query_not_found` */
  get(id: string): StoredQuery {
    const stored = this.#kv.get<StoredQuery>(PREFIX + id)
    if (!stored) throw new PerSQLError('saved_query_not_found', { id })
    return stored
  }

  /** @throws PerSQLError `saved_query_exists` or `limit_reached` */
  create(saving: SavedQueryInput, by: string, nowMs: number): StoredQuery {
    this.#requireFree(saving.name)
    if ([...this.#kv.list({ prefix: NAMES })].length >= MAX_SAVED) {
      throw limitReached(MAX_SAVED, 'saved queries')
    }
    const [created, updated] = [
      { createdAtMs: nowMs, createdBy: by },
      { updatedAtMs: nowMs, updatedBy: by },
    ]
    const stored = { id: `sq_${randomText(16)}`, ...saving, version: 1, ...created, ...updated }
    this.#ownPages.around(() => this.#put(stored))
    return stored
  }

  /** @throws PerSQLError `saved_query_exists` when another query has this name */
  change(before: StoredQuery, saving: SavedQueryInput, by: string, nowMs: number): StoredQuery {
    if (folded(saving.name) !== folded(before.name)) this.#requireFree(saving.name)
    const stored = { ...before, ...saving, version: before.version + 1, updatedAtMs: nowMs, updatedBy: by }
    this.#ownPages.around(() => {
      this.#kv.delete(NAMES + folded(before.name))
      this.#put(stored)
    })
    return stored
  }

  delete({ id, name }: StoredQuery): void {
    this.#ownPages.around(() => {
      this.#kv.delete(NAMES + folded(name))
      this.#kv.delete(PREFIX + id)
    })
  }

  #put(stored: StoredQuery): void {
    this.#kv.put(NAMES + folded(stored.name), stored.id)
    this.#kv.put(PREFIX + stored.id, stored)
  }

  #requireFree(name: string): void {
    const id = this.#kv.get<string>(NAMES + folded(name))
    if (id === undefined) return
    const known = this.get(id)
    const extra = { id, version: known.version }
    throw new PerSQLError('saved_query_exists', { name: known.name }, { extra })
  }
}

/** Returns a saved query in its wire form. */
export const toSavedQuery = ({ createdAtMs, updatedAtMs, ...stored }: StoredQuery): SavedQuery => ({
  ...stored,
  createdAt: toIso(createdAtMs),
  updatedAt: toIso(updatedAtMs),
})

const names = new Intl.Collator('en', { numeric: true })
const BY_NAME = {
  name: 'saved queries',
  key: z.tuple([z.string(), z.string()]),
  toKey: ({ name, id }: StoredQuery): [string, string] => [name, id],
  compare: (a: [string, string], b: [string, string]) => names.compare(a[0], b[0]) || compareKeys([a[1]], [b[1]]),
}
/** Returns a name in the form that must be unique: case and Unicode encoding don't matter. */
const folded = (name: string) => name.normalize('NFC').toLowerCase()
