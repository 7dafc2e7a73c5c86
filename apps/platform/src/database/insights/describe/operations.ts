import { PerSQLError } from '@persql/contract'
import type { Grant } from '../../calls/call.ts'
import { type Handlers, parseInput } from '../../calls/handler.ts'
import { done } from '../../calls/outcome.ts'
import type { Engine } from '../../engine/engine.ts'
import { type CountServices, countTables, sumRowsRead, type TableCount } from '../../reads/count-tables.ts'
import { type DocsStore, docsInScope } from '../assistant/descriptions.ts'
import { putDocs } from '../assistant/operations.ts'
import { compactText } from './compact.ts'
import { describeModel } from './description.ts'
import { examine } from './doctor/examine.ts'
import { readModel } from './read-model.ts'
import { rank } from './search.ts'
import { buildDocuments } from './search-terms.ts'

/** The services that descriptions use. */
interface DescribeServices extends CountServices {
  readonly docs: DocsStore
  readonly engine: Engine
  readonly admits: (grant: Grant) => boolean
}

/** Returns the handlers of descriptions, search and the schema doctor. */
export function operations(services: DescribeServices) {
  const { storage, docs, engine, admits } = services
  return {
    describe(call) {
      const { format } = parseInput<'describe'>(call)
      const { tableScope } = call.grant
      const model = readModel(storage.sql, tableScope)
      const known = docsInScope(docs.get(), tableScope)
      const toOutcome = (counts: readonly TableCount[]) => {
        const data = describeModel(model, known, counts)
        return done(format === 'compact' ? { text: compactText(data) } : data, { rowsRead: sumRowsRead(counts) })
      }
      const names = model.tables.map(({ name }) => name)
      const counts = countTables(names, call, services)
      return counts instanceof Promise ? counts.then(toOutcome) : toOutcome(counts)
    },

    set_description: putDocs(docs),

    search(call) {
      const { q, limit } = parseInput<'search'>(call)
      const documents = buildDocuments(readModel(storage.sql, call.grant.tableScope), docs.get())
      return done({ hits: rank(storage, engine, documents, q, limit) })
    },

    async doctor({ grant }) {
      const known = docsInScope(docs.get(), grant.tableScope)
      const { data, rowsRead } = await examine(storage.sql, grant.tableScope, known, () => {
        if (!admits(grant)) throw new PerSQLError('token_unknown')
      })
      return done(data, { rowsRead })
    },
  } satisfies Handlers
}
