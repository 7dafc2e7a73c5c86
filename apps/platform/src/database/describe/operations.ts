import { type Api, type Parsed, PerSQLError } from '@persql/contract'
import { docsInScope } from '../ai/docs.ts'
import { assistantOperations } from '../ai/operations.ts'
import type { DatabaseCall, DescribeOperation } from '../call.ts'
import type { Run } from '../operations.ts'
import { done } from '../outcome.ts'
import { compactText } from './compact.ts'
import { describeModel } from './description.ts'
import { examine } from './doctor/examine.ts'
import { readModel } from './read-model.ts'
import { rank } from './search.ts'
import { documentsOf } from './search-terms.ts'

/** What tells a newcomer what is in the database. Bodies are validated input. */
export const describeOperations: Record<DescribeOperation, Run> = {
  describe(call, { storage, docs }) {
    const { format } = inputOf<'describe'>(call)
    const { tableScope } = call.grant
    const model = readModel(storage.sql, tableScope)
    const { data, rowsRead } = describeModel(storage.sql, model, docsInScope(docs.get(), tableScope))
    return done(format === 'compact' ? { text: compactText(data) } : data, { rowsRead })
  },

  set_description: assistantOperations.put_docs,

  search(call, { storage, docs, engine }) {
    const { q, limit } = inputOf<'search'>(call)
    const documents = documentsOf(readModel(storage.sql, call.grant.tableScope), docs.get())
    return done({ hits: rank(storage, engine, documents, q, limit) })
  },

  async doctor({ grant }, { storage, docs, admits }) {
    const known = docsInScope(docs.get(), grant.tableScope)
    const { data, rowsRead } = await examine(storage.sql, grant.tableScope, known, () => {
      if (!admits(grant)) throw new PerSQLError('token_unknown')
    })
    return done(data, { rowsRead })
  },
}

const inputOf = <K extends DescribeOperation>({ body }: DatabaseCall) => JSON.parse(body) as Parsed<Api[K]>
