import { createHash } from 'node:crypto'
import { type MergeReport, PerSQLError } from '@persql/contract'
import type { StoredMigration } from '../../../sqlite/stored-migration.ts'
import { type DatabaseCall, getActor } from '../../calls/call.ts'
import type { ExclusiveAccess } from '../../calls/exclusive-access.ts'
import { done, type Outcome } from '../../calls/outcome.ts'
import { RetryRequired } from '../../engine/retry-required.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import { type TurnWithoutForeignKeys, withoutForeignKeys } from '../../engine/without-foreign-keys.ts'
import type { IdentityStore } from '../../identity.ts'
import type { Audit } from '../../review/audit-outbox.ts'
import { enforceForeignKeys } from '../copy/load-copy.ts'
import type { Seeds } from '../ids/seeds.ts'
import type { Ledger } from '../migrations/ledger.ts'
import { runStatements } from '../migrations/run.ts'
import { parseScript, type Script } from '../migrations/script.ts'
import { formatId } from '../migrations/store.ts'
import type { SchemaChangeLog } from '../schema-changes.ts'
import type { Snapshots } from '../snapshots/snapshots.ts'
import { assertMergeAllowed } from './check-report.ts'
import { type Branch, fetchMigrations } from './fetch-branch.ts'
import { listTablesWithIds, seedNewTables } from './seed-new-tables.ts'

/** The services that a merge of migrations uses. */
export interface MigrationMergeServices extends Omit<TurnWithoutForeignKeys, 'alone'> {
  readonly identity: IdentityStore
  readonly storage: DurableObjectStorage
  readonly history: Pick<Snapshots, 'create' | 'delete'>
  readonly ledger: Pick<Ledger, 'compare' | 'difference' | 'record'>
  readonly seeds: Pick<Seeds, 'plant'>
  readonly schemaChanges: SchemaChangeLog
  readonly exclusive: Pick<ExclusiveAccess, 'replace'>
  readonly audit: Audit
  readonly now: () => number
}

/** A branch whose migrations are merged. */
export interface MigratedBranch {
  readonly id: string
  readonly ref: string
  readonly calls: Pick<Branch, 'source' | 'diffState'>
  /** The label of the snapshot before the merge. */
  readonly label: string
  readonly expectedPlan?: string | undefined
}

type Fetched = Awaited<ReturnType<typeof fetchMigrations>>
type Step = { readonly migration: StoredMigration; readonly script: Script }

const MAX_MS = 25_000

/** Returns the hash of the plan to run these migrations. */
export const hashMigrations = (migrations: readonly Pick<StoredMigration, 'name' | 'checksum'>[]): string =>
  hash(JSON.stringify(migrations.map(({ name, checksum }) => [name, checksum]))).slice(0, 32)

/**
 * Runs the migrations that only a branch has applied in this database, in one transaction in which they are recorded
 * with the same name and checksum. Call it while other writes wait.
 * @throws PerSQLError `migrations_diverged`, `merge_stale`, `merge_impossible`, or the error of a migration
 */
export async function mergeMigrations(
  call: DatabaseCall,
  services: MigrationMergeServices,
  { id, ref, calls, label, expectedPlan }: MigratedBranch,
): Promise<Outcome> {
  const { identity, ledger, history, storage, exclusive } = services
  const { slug: database } = identity.known
  const state = await fetchMigrations(calls, id)
  const { missing } = ledger.compare(state.migrations)
  const report = createReport(missing, ledger.difference(state.applied))
  const { branch = [], diverged } = report.migrations as NonNullable<MergeReport['migrations']>
  if (diverged.length > 0) {
    const names = diverged
      .slice(0, 5)
      .map((name) => `"${name}"`)
      .join(', ')
    throw new PerSQLError('migrations_diverged', { names }, { extra: { merge: report } })
  }
  assertMergeAllowed({ mode: 'migrations', allowDataLoss: true, expectedPlan }, report, false)
  if (branch.length !== missing.length || missing.some(({ sql, checksum }) => hash(sql) !== checksum)) {
    throw new PerSQLError('merge_impossible', { problem: 'the texts of its migrations are not complete' })
  }
  if (missing.length === 0) return done(report)
  const steps = missing.map((migration) => ({ migration, script: parseScript(migration.sql) }))
  const isOff = steps.some(({ script }) => script.foreignKeysOff)
  const snapshot = await history.create(label, true)
  const alone = <T>(work: () => Promise<T>, changes?: boolean) =>
    exclusive.replace(async () => {
      if (!identity.current) throw new PerSQLError('database_not_found', { database })
      if (!isOff) await enforceForeignKeys(storage, true)
      return work()
    }, changes)
  // The snapshot of the merge is also the one that destructive statements require.
  const kept = { snapshot: { id: snapshot.id, label: snapshot.label } }
  try {
    return await withoutForeignKeys({ ...call, kept }, { ...services, alone }, true, () => {
      const { statements, ...used } = run(call, services, steps, isOff, state)
      const detail = { mode: 'migrations', statements: statements.length, migrations: missing.length }
      services.audit(getActor(call.grant), 'database.branch_merged', ref, detail)
      const schema = { ...report.schema, statements }
      return { ...done({ ...report, applied: true, schema, snapshot }, used), statementCount: statements.length }
    })
  } catch (cause) {
    await history.delete(snapshot.id)
    throw cause
  }
}

function createReport(
  missing: readonly StoredMigration[],
  difference: Pick<NonNullable<MergeReport['migrations']>, 'branch' | 'parent' | 'diverged'>,
): MergeReport {
  return {
    mode: 'migrations',
    applied: false,
    schema: { statements: [], conflicts: [] },
    migrations: { recorded: missing.map(({ name }) => name), tables: [], ...difference },
    data: { tables: [], conflicts: [], deletions: [] },
    snapshot: null,
    planHash: hashMigrations(missing),
  }
}

function run(
  { grant }: DatabaseCall,
  { engine, storage, ledger, seeds, schemaChanges, now }: MigrationMergeServices,
  steps: readonly Step[],
  isOff: boolean,
  state: Fetched,
) {
  const sql = createRunSql(storage.sql)
  const [actor, startedMs] = [getActor(grant), performance.now()]
  const statements: MergeReport['schema']['statements'] = []
  const used = { rowsRead: 0, rowsWritten: 0 }
  const had = listTablesWithIds(sql)
  try {
    engine.transaction(() => {
      for (const { migration, script } of steps) {
        if (performance.now() - startedMs > MAX_MS) throw new PerSQLError('took_too_long', { seconds: MAX_MS / 1000 })
        const [recorded = migration] = ledger.record([migration], actor, now())
        const running = { script: { ...script, foreignKeysOff: isOff }, grant, engine, storage }
        const reason = `Migration "${migration.name}".`
        try {
          schemaChanges.by({ actor, migrationId: formatId(recorded) }, () =>
            runStatements(
              running,
              (_statement, result) => {
                if (result instanceof PerSQLError) return
                used.rowsRead += result.rowsRead
                used.rowsWritten += result.rowsWritten
              },
              ({ text }, { loss }) => statements.push({ sql: text, reason, losesData: loss !== undefined }),
            ),
          )
        } catch (cause) {
          if (cause instanceof RetryRequired) throw cause
          const { code, details, extra } = PerSQLError.from(cause)
          throw new PerSQLError(code, details, { cause, extra: { ...extra, migration: migration.name } })
        }
      }
      seedNewTables(sql, seeds, had, state)
    })
  } catch (cause) {
    engine.forget()
    throw cause
  }
  return { statements, ...used }
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex')
