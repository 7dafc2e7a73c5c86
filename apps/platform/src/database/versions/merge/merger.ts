import { createHash } from 'node:crypto'
import { type Database, type MergeReport, PerSQLError } from '@persql/contract'
import { lower } from '../../../sqlite/identifiers.ts'
import { readObjects, tablesChanged } from '../../../sqlite/schema-diff.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import type { StoredMigration } from '../../../sqlite/stored-migration.ts'
import { parseStatement } from '../../../sqlite/tokenizer.ts'
import type { LongTransaction } from '../../../storage/long-transaction.ts'
import type { Growth } from '../../engine/growth.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import { findRefusal } from '../copy/failure.ts'
import { type HighestId, type Ids, readHighestIds } from '../ids/highest.ts'
import { IdRanges } from '../ids/ranges.ts'
import type { Seeds } from '../ids/seeds.ts'
import type { Ledger } from '../migrations/ledger.ts'
import type { SchemaChangeLog } from '../schema-changes.ts'
import type { Snapshots } from '../snapshots/snapshots.ts'
import { assertMergeAllowed } from './check-report.ts'
import { type Branch, fetchBranch, type Gathered } from './fetch-branch.ts'
import { findCommonSchema } from './fork-state.ts'
import { deleteMergeBases, MergeBases } from './merge-base-rows.ts'
import { dropSchemas, keepSchema, MERGED } from './merge-base-schema.ts'
import { mergeBookkeeping, readStagedVersions } from './merge-bookkeeping.ts'
import { hashMigrations } from './merge-migrations.ts'
import { mergeRows, NO_ROWS, needsSchema, type RowMergeResult, rememberRows, unstage, written } from './merge-rows.ts'
import { mergeSchema } from './merge-schema.ts'
import { listTablesWithIds, seedNewTables } from './seed-new-tables.ts'

/** The parts of the database that a merge into it uses. */
export interface MergerOptions {
  readonly storage: DurableObjectStorage
  readonly inTransaction: LongTransaction
  readonly growth: Growth
  readonly ownPages: SystemStorage
  readonly history: Snapshots
  readonly schemaChanges: SchemaChangeLog
  readonly ledger: Pick<Ledger, 'compare' | 'difference' | 'record'>
  readonly seeds: Pick<Seeds, 'plant'>
  readonly now: () => number
  /** Blocks writes until the returned function is called. */
  readonly hold: () => Promise<() => void>
  /** Throws if an approval rule blocks a write to one of these tables. */
  readonly permit: (tables: readonly string[]) => void
  /** Runs work with the exclusive lock and foreign keys off; `changes` says whether it changes data, `database` is the slug. */
  readonly alone: <T>(database: string, changes: boolean, work: () => Promise<T>) => Promise<T>
  readonly branches: () => Promise<readonly Database[]>
  readonly branch: (slug: string) => Branch
  /** Records an audit event in the transaction of the merge. */
  readonly note: (actor: string, ref: string, detail: Readonly<Record<string, string | number>>) => void
}

/** A merge request and its actor. */
export interface MergeRequest {
  /** The slug of this database. */
  readonly database: string
  readonly ref: string
  readonly mode: Exclude<MergeReport['mode'], 'migrations'>
  readonly onConflict: 'abort' | 'branch' | 'parent'
  readonly allowDataLoss: boolean
  readonly expectedPlan?: string | undefined
  readonly actor: string
  /** Throws if the caller has lost access. */
  readonly check: () => void
}

/** A report with the rows that it read and wrote. */
export interface MergeResult {
  readonly report: MergeReport
  readonly rowsRead: number
  readonly rowsWritten: number
}

interface Scope {
  readonly schema: boolean
  readonly data: boolean
  /** Whether the transaction is committed. `memory` commits only merge bases, if the merge has no other effect. */
  readonly apply: boolean | 'memory'
}

/** A merge attempt, committed or rolled back. */
interface Tried extends MergeResult {
  readonly isUnsettled: boolean
}

/** Merges branches into this database, one at a time. */
export class Merger {
  readonly #options: MergerOptions
  /** Runs SQL on system tables, which isn't billed. */
  readonly #free: RunSql
  #isUnderWay = false

  constructor(options: MergerOptions) {
    this.#options = options
    this.#free = createRunSql(options.storage.sql)
  }

  /**
   * Runs the merge and rolls it back, then creates a snapshot and runs it again in one transaction. Writes wait from
   * before the snapshot, so it has exactly the state before the merge.
   * @throws PerSQLError `merge_under_way`, `branch_not_found`, `copy_cut_off`, `took_too_long` and the errors of
   * `assertMergeAllowed`
   */
  merge(request: MergeRequest): Promise<MergeResult> {
    return this.withBranch(request.ref, (branch, branches) => this.#merge(request, branch, branches))
  }

  /**
   * Runs a merge of a branch while other writes wait.
   * @throws PerSQLError `merge_under_way`, `branch_not_found` or `copy_cut_off`
   */
  async withBranch<T>(ref: string, work: (branch: Database, branches: readonly Database[]) => Promise<T>): Promise<T> {
    if (this.#isUnderWay) throw new PerSQLError('merge_under_way')
    this.#isUnderWay = true
    let release = () => {}
    try {
      release = await this.#options.hold()
      const branches = await this.#options.branches()
      const branch = findBranch(branches, ref)
      return await work(branch, branches)
    } finally {
      release()
      this.#isUnderWay = false
    }
  }

  async #merge(request: MergeRequest, branch: Database, branches: readonly Database[]): Promise<MergeResult> {
    const { mode } = request
    const scope = { schema: mode !== 'data', data: mode !== 'schema', apply: false }
    let tried = await this.#attempt(request, branch, { ...scope, apply: mode === 'data' && 'memory' })
    // Rows are compared in the merged schema, or in the current one if the schemas conflict.
    if (mode === 'preview' && tried.report.schema.conflicts.length > 0) {
      const { report } = await this.#attempt(request, branch, { ...scope, schema: false })
      const [schemaHash, , ...rest] = tried.report.planHash.split('.')
      const planHash = [schemaHash, report.planHash.split('.')[1], ...rest].join('.')
      tried = { ...tried, report: { ...tried.report, data: report.data, planHash } }
    }
    assertMergeAllowed(request, tried.report, tried.isUnsettled)
    if (mode === 'preview' || !hasEffect(tried.report)) return tried
    const { history } = this.#options
    const snapshot = await history.create(toLabel(request.ref), true)
    try {
      request.check()
      this.#forgetOthers(branches)
      const { report, rowsRead, rowsWritten } = await this.#attempt(request, branch, { ...scope, apply: true })
      return { rowsRead, rowsWritten, report: { ...report, applied: true, snapshot } }
    } catch (cause) {
      await history.delete(snapshot.id)
      throw cause
    }
  }

  /** Returns the calls to a branch. */
  branchAt(slug: string): Branch {
    return this.#options.branch(slug)
  }

  /** Deletes the merge bases of deleted branches. */
  #forgetOthers(branches: readonly Database[]): void {
    const { ownPages, storage } = this.#options
    const known = new Set(branches.map(({ id }) => id))
    ownPages.around(() =>
      storage.transactionSync(() => {
        for (const [key] of [...storage.kv.list({ prefix: MERGED })]) {
          if (!known.has(key.slice(MERGED.length).split('/')[0] as string)) storage.kv.delete(key)
        }
        deleteMergeBases(storage.kv, this.#free, (id) => !known.has(id))
      }),
    )
  }

  /** Runs the merge in one transaction, which is committed only if `scope` allows it. */
  async #attempt(request: MergeRequest, { id, slug }: Database, scope: Scope): Promise<Tried> {
    const { storage, inTransaction, alone, branch, growth } = this.#options
    let result: Tried | undefined
    // The branch can be importing, for example. It isn't waited for while this database's calls wait.
    await branch(slug).source.ready()
    await alone(request.database, scope.apply === true, async () => {
      const cost = { rowsRead: 0, rowsWritten: 0 }
      const run: RunSql = (sql, ...params) => {
        const cursor = storage.sql.exec(sql, ...params)
        const rows = [...cursor.raw()]
        cost.rowsRead += cursor.rowsRead
        cost.rowsWritten += cursor.rowsWritten
        return rows
      }
      try {
        await inTransaction(async (checkTime) => {
          growth.begin()
          const digest = createHash('sha256')
          const state = await fetchBranch(storage.sql, branch(slug), id, {
            ...{ digest, checkTime },
            wanted: {
              rows: scope.data ? 'all' : 'bookkeeping',
              migrations: scope.schema ? 'own' : 'none',
              isImpatient: true,
            },
            seeds: ({ ids }) => (scope.apply === true ? this.#renewIds(id, scope, ids) : {}),
          })
          result = { ...this.#bringTogether(run, request, id, scope, state, digest, checkTime), ...cost }
          if (!isKept(scope, result)) throw new Undone()
          growth.check()
          if (scope.apply === 'memory') result = { ...result, rowsWritten: 0 }
        })
      } catch (cause) {
        if (!(cause instanceof Undone) || !result) throw mergeError(cause)
        // Rolled-back work is billed as rows read.
        result = { ...result, rowsRead: cost.rowsRead, rowsWritten: 0 }
      }
    })
    return result as Tried
  }

  /**
   * Merges in one turn, after the branch's rows were staged.
   * @throws PerSQLError if the merge should be applied and isn't allowed
   */
  #bringTogether(
    run: RunSql,
    request: MergeRequest,
    branchId: string,
    scope: Scope,
    state: Gathered,
    digest: ReturnType<typeof createHash>,
    checkTime: () => void,
  ) {
    const { storage, ownPages } = this.#options
    const scan = (sql: string) => storage.sql.exec(sql).raw()
    const bases = new MergeBases(storage.kv, this.#free, branchId, state)
    const common = findCommonSchema(storage.kv, branchId, state, request.ref)
    const before = readObjects(run)
    const had = listTablesWithIds(run)
    const isBookkeeping = createNameCheck(state.bookkeeping)
    const schemaFirst = scope.schema && scope.data ? needsSchema(this.#free, isBookkeeping) : []
    const renames = state.renames.filter(({ number }) => number > common.change)
    const sides = { base: common.schema, branch: state.schema, renames }
    const merged = scope.schema ? mergeSchema(run, sides) : { steps: [], clashes: [] }
    const { steps } = merged
    const isWhole = scope.schema && merged.clashes.length === 0
    const carried = isWhole ? mergeBookkeeping(run, state.bookkeeping, common.versions) : { tables: [], clashes: [] }
    const clashes = [...merged.clashes, ...carried.clashes]
    const ledger = isWhole ? this.#options.ledger.compare(state.migrations) : { missing: [], diverged: [] }
    const statements = steps.map(({ sql, reason, losesData }) => ({ sql, reason, losesData }))
    const changed = tablesChanged(before, readObjects(run))
    const { onConflict: side } = request
    const note = (part: unknown) => digest.update(JSON.stringify(part, bytesAsText))
    const rows: RowMergeResult =
      scope.data && clashes.length === 0
        ? mergeRows({ run, free: this.#free, scan, side, note, checkTime }, bases, isBookkeeping)
        : NO_ROWS
    const changedRows = rows.tables.filter((table) => written(table) > 0).map(({ table }) => table)
    const changedBooks = carried.tables.map(({ table }) => table)
    if (request.mode !== 'preview') this.#options.permit([...changed, ...changedRows, ...changedBooks])
    const difference = scope.schema ? this.#options.ledger.difference(state.applied) : NO_DIFFERENCE
    const effect = {
      recorded: ledger.missing.map(({ name }) => name),
      diverged: ledger.diverged.map(({ name }) => name),
      tables: carried.tables,
    }
    const isMigrated = Object.values(effect).some(({ length }) => length > 0)
    const isDifferent = isMigrated || Object.values(difference).some(({ length }) => length > 0)
    const migrations = (isMigrated || (request.mode === 'preview' && isDifferent)) && { ...effect, ...difference }
    const schemaHash = createHash('sha256')
      .update(JSON.stringify([statements, clashes, ...(isMigrated ? [effect] : [])]))
      .digest('hex')
      .slice(0, 32)
    const parts = [schemaHash, ...(scope.data ? [digest.digest('hex').slice(0, 32)] : [])]
    const own = state.migrations.filter(({ name }) => difference.branch.includes(name))
    if (request.mode === 'preview' && own.length > 0) parts.push(hashMigrations(own))
    const report: MergeReport = {
      mode: request.mode,
      applied: false,
      schema: { statements, conflicts: clashes },
      ...(migrations && { migrations }),
      data: {
        ...(schemaFirst.length > 0 && { schemaFirst }),
        tables: rows.tables,
        conflicts: [...rows.conflicts],
        deletions: [...rows.deletions],
      },
      snapshot: null,
      planHash: parts.join('.'),
    }
    const tried = { report, isUnsettled: rows.isUnsettled }
    if (isKept(scope, tried)) {
      assertMergeAllowed(request, report, rows.isUnsettled)
      if (scope.data) ownPages.around(() => rememberRows(this.#free, scan, rows, bases))
      if (scope.apply === true) this.#record(request, branchId, state, report, steps, ledger.missing)
      if (scope.apply === true && scope.schema) seedNewTables(run, this.#options.seeds, had, state)
    }
    unstage(run)
    return tried
  }

  /** Raises the branch's next IDs above those that the parent has afterwards, in the tables that are merged. */
  #renewIds(branchId: string, { data }: Scope, branch: readonly HighestId[]): Ids {
    const { storage, ownPages } = this.#options
    const parent = new Map(readHighestIds(this.#free).map(({ table, highest }) => [lower(table), highest]))
    const ids = branch.flatMap((id) => {
      const highest = parent.get(lower(id.table))
      if (data === (highest === undefined)) return []
      return [{ ...id, highest: Math.max(id.highest, highest ?? 0) }]
    })
    return ownPages.around(() => new IdRanges(storage.kv).renew(branchId, ids))
  }

  #record(
    { ref, mode, actor }: MergeRequest,
    branchId: string,
    { fork, change, schema, bookkeeping }: Gathered,
    { data }: MergeReport,
    steps: ReturnType<typeof mergeSchema>['steps'],
    missing: readonly StoredMigration[],
  ): void {
    const { storage, ownPages, schemaChanges, ledger, now, note } = this.#options
    ledger.record(missing, actor, now())
    for (const { sql, object } of steps) if (object) schemaChanges.add(parseStatement(sql), [object], actor, now())
    if (mode === 'schema') {
      ownPages.around(() => {
        dropSchemas(storage.kv, MERGED + branchId)
        const versions = readStagedVersions(this.#free, bookkeeping)
        keepSchema(storage.kv, MERGED + branchId, { fork: fork as string, change, schema, versions })
      })
    }
    const sum = (field: 'inserted' | 'updated' | 'deleted') =>
      data.tables.reduce((total, table) => total + table[field], 0)
    const rows = { inserted: sum('inserted'), updated: sum('updated'), deleted: sum('deleted') }
    note(actor, ref, { mode, statements: steps.length, ...rows })
  }
}

const hasEffect = ({ schema, migrations, data }: MergeReport): boolean =>
  schema.statements.length > 0 ||
  (migrations !== undefined && migrations.recorded.length + migrations.tables.length > 0) ||
  data.tables.some((table) => written(table) > 0)

const isKept = ({ apply }: Scope, { report, isUnsettled }: Pick<Tried, 'report' | 'isUnsettled'>): boolean =>
  apply === 'memory' ? !isUnsettled && !hasEffect(report) : apply

const createNameCheck = (tables: readonly { readonly table: string }[]) => {
  const names = new Set(tables.map(({ table }) => lower(table)))
  return (table: string) => names.has(lower(table))
}

const bytesAsText = (_key: string, value: unknown) =>
  value instanceof ArrayBuffer ? new Uint8Array(value).toBase64() : value

const NO_DIFFERENCE: ReturnType<Ledger['difference']> = { branch: [], parent: [], diverged: [] }

class Undone extends Error {}

/** Returns the label of the snapshot before a merge. */
export const toLabel = (ref: string): string => `Before merging "${ref}"`.slice(0, 80).replace(/[\ud800-\udbff]$/, '')

/** Returns a branch that has its content. @throws PerSQLError `branch_not_found` or `copy_cut_off` */
export function findBranch(branches: readonly Database[], ref: string): Database {
  const branch = branches.find(({ branchRef }) => branchRef === ref)
  if (!branch) throw new PerSQLError('branch_not_found', { ref })
  // The branch is being created and has no merge base yet.
  if (branch.status !== 'healthy') throw new PerSQLError('copy_cut_off')
  return branch
}

/** Returns the error of a failed merge. Its statements list the columns of a table and can exceed SQLite's limits. */
export function mergeError(cause: unknown): PerSQLError {
  const error = PerSQLError.from(cause)
  const problem = error.code === 'internal' ? findRefusal(cause) : undefined
  return problem === undefined ? error : new PerSQLError('merge_impossible', { problem }, { cause })
}
