import { PerSQLError } from '@persql/contract'
import { SCHEMA_TABLE } from '../../../sqlite/schema-map.ts'
import { type DatabaseCall, type Grant, getActor } from '../../calls/call.ts'
import { type Handlers, parseInput } from '../../calls/handler.ts'
import { done } from '../../calls/outcome.ts'
import type { IdentityStore } from '../../identity.ts'
import type { BranchComparison } from './branch-comparison.ts'
import { type MigrationMergeServices, mergeMigrations } from './merge-migrations.ts'
import { type MergeRequest, type Merger, toLabel } from './merger.ts'

/** The services that merges and comparisons use. */
interface MergeServices extends MigrationMergeServices {
  readonly identity: IdentityStore
  readonly merger: Merger
  readonly comparison: BranchComparison
  readonly admits: (grant: Grant) => boolean
}

/** Refuses callers with a table scope, because a merge exposes and affects all tables. */
function assertWhole({ grant }: DatabaseCall): void {
  if (grant.tableScope !== null) throw new PerSQLError('table_out_of_scope', { table: SCHEMA_TABLE })
}

/** Returns the handlers of merges and comparisons. */
export function operations(services: MergeServices) {
  const { identity, merger, comparison, admits } = services
  const migrationsMerged = (call: DatabaseCall, ref: string, expectedPlan: string | undefined) => {
    assertWhole(call)
    return merger.withBranch(ref, ({ id, slug }) => {
      const branch = { id, ref, calls: merger.branchAt(slug), label: toLabel(ref), expectedPlan }
      return mergeMigrations(call, services, branch)
    })
  }
  const merged = (call: DatabaseCall, input: Omit<MergeRequest, 'database' | 'actor' | 'check'>) => {
    assertWhole(call)
    const { grant } = call
    const check = () => {
      if (!admits(grant)) throw new PerSQLError('token_unknown')
    }
    return merger.merge({ ...input, database: identity.known.slug, actor: getActor(grant), check })
  }
  return {
    async merge_branch(call) {
      const input = parseInput<'merge_branch'>(call)
      if (input.mode === 'migrations') return migrationsMerged(call, input.ref, input.expectedPlan)
      const { report, rowsRead, rowsWritten } = await merged(call, { ...input, mode: input.mode })
      return done(report, { rowsRead, rowsWritten })
    },

    async diff_branch(call) {
      const { ref, rows } = parseInput<'diff_branch'>(call)
      assertWhole(call)
      const compared = await comparison.compare(identity.known.slug, ref)
      if (!rows) return done(compared)
      const request = { ref, mode: 'preview', onConflict: 'abort', allowDataLoss: false } as const
      const { report, rowsRead, rowsWritten } = await merged(call, request)
      return done({ ...compared, schema: report.schema, rows: report.data }, { rowsRead, rowsWritten })
    },
  } satisfies Handlers
}
