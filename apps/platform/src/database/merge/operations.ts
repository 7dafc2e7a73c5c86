import { type Api, type Parsed, PerSQLError } from '@persql/contract'
import { actorOf, type MergeOperation } from '../call.ts'
import { SCHEMA_TABLE } from '../guard/schema-map.ts'
import type { Run } from '../operations.ts'
import { done } from '../outcome.ts'

/** What brings a branch back. Bodies are validated input. */
export const mergeOperations: Record<MergeOperation, Run> = {
  async merge_branch({ body, grant }, { merger, admits }) {
    if (grant.tableScope !== null) throw new PerSQLError('table_out_of_scope', { table: SCHEMA_TABLE })
    const input = JSON.parse(body) as Parsed<Api['merge_branch']>
    const check = () => {
      if (!admits(grant)) throw new PerSQLError('token_unknown')
    }
    const { report, rowsRead, rowsWritten } = await merger.merge({ ...input, actor: actorOf(grant), check })
    return done(report, { rowsRead, rowsWritten })
  },
}
