import type { Docs } from '@persql/contract'
import { lower } from '../../../sqlite/tokenizer.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'

const KEY = 'docs'
/** The keys, or how they begin, of what is deleted with the rows and tables of a database. */
export const contentKeys = [KEY]

/** What people, or the model, say a database and its tables are for. It goes where a schema alone tells too little. */
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

/** What a token with a table scope may read of them. */
export function docsInScope(docs: Docs, tableScope: readonly string[] | null): Docs {
  if (tableScope === null) return docs
  const scope = new Set(tableScope.map(lower))
  return { ...docs, tables: docs.tables.filter(({ table }) => scope.has(lower(table))) }
}
