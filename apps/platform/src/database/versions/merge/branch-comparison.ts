import type { Api, Database, Output } from '@persql/contract'
import type { Remote } from '../../../remote.ts'
import { readSchemaText } from '../../../sqlite/schema.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import { copyError } from '../copy/failure.ts'
import type { Ledger } from '../migrations/ledger.ts'
import type { DiffState } from './branch-state.ts'
import type { Branch } from './fetch-branch.ts'
import { findCommonSchema } from './fork-state.ts'
import { findBranch, mergeError } from './merger.ts'
import type { SchemaTrial } from './schema-trial.ts'

/** The calls of a parent to a branch that it compares itself with. */
interface ComparedBranch {
  readonly source: Pick<Branch['source'], 'ready'>
  readonly diffState: (id: string) => Promise<DiffState>
}

/** The services that comparisons depend on. */
export interface BranchComparisonOptions {
  readonly storage: DurableObjectStorage
  readonly ledger: Pick<Ledger, 'difference'>
  readonly branches: () => Promise<readonly Database[]>
  readonly branch: (slug: string) => ComparedBranch
  /** An object in which schemas are merged without rows. */
  readonly trial: (database: string) => Pick<Remote<SchemaTrial>, 'merge'>
}

/** Compares this database with its branches, without reading rows and without delaying other calls. */
export class BranchComparison {
  readonly #options: BranchComparisonOptions

  constructor(options: BranchComparisonOptions) {
    this.#options = options
  }

  /**
   * Returns what a merge of the branch's schema would do, and the migrations that differ.
   * @param database the slug of this database
   * @throws PerSQLError `branch_not_found`, `copy_cut_off`, `fork_point_unknown` or `merge_impossible`
   */
  async compare(database: string, ref: string): Promise<Omit<Output<Api['diff_branch']>, 'rows'>> {
    const { storage, ledger, branches, branch, trial } = this.#options
    const { id, slug } = findBranch(await branches(), ref)
    const state = await this.#read(branch(slug), id)
    const migrations = ledger.difference(state.applied)
    const { change, schema: base } = findCommonSchema(storage.kv, id, state, ref)
    const renames = state.renames.filter(({ number }) => number > change)
    const parent = readSchemaText(createRunSql(storage.sql))
    const sides = { base, branch: state.schema, renames }
    try {
      const { steps, clashes } = await trial(database).merge(parent, sides)
      const statements = steps.map(({ sql, reason, losesData }) => ({ sql, reason, losesData }))
      return { schema: { statements, conflicts: [...clashes] }, migrations }
    } catch (cause) {
      throw mergeError(cause)
    }
  }

  async #read({ source, diffState }: ComparedBranch, id: string): Promise<DiffState> {
    try {
      await source.ready()
      return await diffState(id)
    } catch (cause) {
      throw copyError(cause)
    }
  }
}
