import { PerSQLError } from '@persql/contract'
import { SCHEMA_TABLE } from '../../../sqlite/schema-map.ts'
import { type Grant, getActor } from '../../calls/call.ts'
import { type Handlers, parseInput } from '../../calls/handler.ts'
import { done } from '../../calls/outcome.ts'
import type { IdentityStore } from '../../identity.ts'
import type { Merger } from './merger.ts'

/** The services that the merge operation uses. */
interface MergeServices {
  readonly identity: IdentityStore
  readonly merger: Merger
  readonly admits: (grant: Grant) => boolean
}

/** Returns the handler of the merge operation. */
export function operations({ identity, merger, admits }: MergeServices) {
  return {
    async merge_branch(call) {
      const { grant } = call
      if (grant.tableScope !== null) throw new PerSQLError('table_out_of_scope', { table: SCHEMA_TABLE })
      const input = parseInput<'merge_branch'>(call)
      const check = () => {
        if (!admits(grant)) throw new PerSQLError('token_unknown')
      }
      const { report, rowsRead, rowsWritten } = await merger.merge({
        ...input,
        database: identity.known.slug,
        actor: getActor(grant),
        check,
      })
      return done(report, { rowsRead, rowsWritten })
    },
  } satisfies Handlers
}
