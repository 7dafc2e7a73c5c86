import type { Docs } from '@persql/contract'
import type { OwnPages } from '../own-pages.ts'

const KEY = 'docs'

/** What people, or the model, say a database and its tables are for. It goes where a schema alone tells too little. */
export class DocsStore {
  readonly #kv: SyncKvStorage
  readonly #ownPages: OwnPages

  constructor(storage: DurableObjectStorage, ownPages: OwnPages) {
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
