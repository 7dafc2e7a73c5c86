import type { Docs } from '@persql/contract'
import { lower } from '../../../sqlite/identifiers.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'

const KEY = 'docs'
/** Keys and key prefixes that are deleted together with the tables of a database. */
export const contentKeys = [KEY]

/**
 * The descriptions of a database and its tables, written by users or the AI model. They add the meaning that a schema
 * lacks.
 */
export class DocsStore {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
  }

  get(): Docs {
    return this.#kv.get<Docs>(KEY) ?? { tables: [] }
  }

  put(docs: Docs): Docs {
    this.#ownPages.around(() => this.#kv.put(KEY, docs))
    return docs
  }
}

/** Returns the descriptions that a token with a table scope can read. */
export function docsInScope(docs: Docs, tableScope: readonly string[] | null): Docs {
  if (tableScope === null) return docs
  const scope = new Set(tableScope.map(lower))
  return { ...docs, tables: docs.tables.filter(({ table }) => scope.has(lower(table))) }
}
