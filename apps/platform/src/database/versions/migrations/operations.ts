import { type MigrationTrial, PerSQLError } from '@persql/contract'
import { toIso } from '../../../clock.ts'
import { mapPage } from '../../../paging.ts'
import { diffObjects, named, readObjects } from '../../../sqlite/schema-diff.ts'
import { SCHEMA_TABLE } from '../../../sqlite/schema-map.ts'
import type { StoredMigration } from '../../../sqlite/stored-migration.ts'
import { type DatabaseCall, getActor } from '../../calls/call.ts'
import { type Handler, type Handlers, parseInput } from '../../calls/handler.ts'
import { done, donePage, type Outcome, roundMs } from '../../calls/outcome.ts'
import { dryRun } from '../../engine/dry-run.ts'
import type { Result } from '../../engine/result.ts'
import { RetryRequired } from '../../engine/retry-required.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import { type TurnWithoutForeignKeys, withoutForeignKeys } from '../../engine/without-foreign-keys.ts'
import type { Audit } from '../../review/audit-outbox.ts'
import type { SchemaChange, SchemaChangeLog } from '../schema-changes.ts'
import { RowCounts } from './row-counts.ts'
import { checkedStatements, runStatements } from './run.ts'
import { parseScript, type ScriptStatement, toFirstLine } from './script.ts'
import { formatId, type Migrations, toMigration } from './store.ts'

/** The services that the migration operations use. */
interface MigrationServices extends TurnWithoutForeignKeys {
  readonly storage: DurableObjectStorage
  readonly migrations: Migrations
  readonly schemaChanges: SchemaChangeLog
  readonly audit: Audit
  readonly now: () => number
  /**
   * Reads a bookmark for the current state; absent if the runtime has no bookmarks, `null` if none is available now.
   */
  readonly bookmark: (() => Promise<string | null>) | undefined
}

/** Returns the handlers of migrations and of the schema change log. */
export function operations(services: MigrationServices) {
  return {
    list_migrations: whole((call) =>
      donePage(mapPage(services.migrations.page(parseInput<'list_migrations'>(call)), toMigration)),
    ),

    create_migration: whole((call) => {
      const { name, sql } = parseInput<'create_migration'>(call)
      const statements = checkedStatements(sql, call.grant, services.engine).length
      const stored = services.migrations.create({ name, sql, statements }, services.now())
      services.audit(getActor(call.grant), 'migration.created', formatId(stored), { name })
      return done(toMigration(stored))
    }),

    update_migration: whole((call) => {
      const { id, ...changes } = parseInput<'update_migration'>(call)
      const draft = services.migrations.draft(id)
      const { name, sql } = { ...draft, ...changes }
      const statements = checkedStatements(sql, call.grant, services.engine).length
      const stored = services.migrations.change(draft, { name, sql, statements }, services.now())
      services.audit(getActor(call.grant), 'migration.updated', id, { name })
      return done(toMigration(stored))
    }),

    delete_migration: whole((call) => {
      const draft = services.migrations.draft(parseInput<'delete_migration'>(call).id)
      services.migrations.delete(draft)
      services.audit(getActor(call.grant), 'migration.deleted', formatId(draft), { name: draft.name })
      return done({ deleted: true })
    }),

    apply_migration: whole((call) => {
      const draft = services.migrations.draft(parseInput<'apply_migration'>(call).id)
      const { foreignKeysOff } = parseScript(draft.sql)
      if (!foreignKeysOff && !services.bookmark) return applied(call, services, draft, null)
      return appliedLater(call, services, draft, foreignKeysOff)
    }),

    try_migration: whole((call) => {
      const draft = services.migrations.draft(parseInput<'try_migration'>(call).id)
      if (!parseScript(draft.sql).foreignKeysOff) return tried(call, services, draft)
      return withoutForeignKeys(call, services, false, () => tried(call, services, unchanged(services, draft)))
    }),

    list_schema_changes: whole((call) => {
      const { limit, before } = parseInput<'list_schema_changes'>(call)
      return done(services.schemaChanges.list(limit, before).map(toWire))
    }),
  } satisfies Handlers
}

/** Refuses callers with a table scope, because migrations and schema changes expose and affect all tables. */
function whole(run: Handler): Handler {
  return (call) => {
    if (call.grant.tableScope !== null) throw new PerSQLError('table_out_of_scope', { table: SCHEMA_TABLE })
    return run(call)
  }
}

/** Applies a migration in a later turn. Other calls run before that, so it repeats the checks then. */
async function appliedLater(
  call: DatabaseCall,
  services: MigrationServices,
  draft: StoredMigration,
  foreignKeysOff: boolean,
): Promise<Outcome> {
  const bookmark = (await services.bookmark?.()) ?? null
  const apply = () => applied(call, services, unchanged(services, draft), bookmark)
  if (foreignKeysOff) return withoutForeignKeys(call, services, true, apply)
  if (!services.admits(call.grant)) throw new PerSQLError('token_unknown')
  return apply()
}

/** Reads the draft again. @throws PerSQLError `conflict` if the draft has changed */
function unchanged({ migrations }: Pick<MigrationServices, 'migrations'>, before: StoredMigration): StoredMigration {
  const draft = migrations.draft(formatId(before))
  if (draft.checksum !== before.checksum || draft.createdAtMs !== before.createdAtMs) {
    throw new PerSQLError('conflict', {
      problem: 'The draft changed before it was applied. Review it, then apply it again.',
    })
  }
  return draft
}

/**
 * Applies a migration in one turn, without other calls in between: its statements, schema change records and applied
 * state are committed together.
 */
function applied(
  { grant }: DatabaseCall,
  services: MigrationServices,
  draft: StoredMigration,
  bookmark: string | null,
): Outcome {
  const { engine, storage, migrations, schemaChanges } = services
  const [by, startedMs] = [getActor(grant), performance.now()]
  const used = { rowsRead: 0, rowsWritten: 0 }
  const script = parseScript(draft.sql)
  engine.begin(true)
  try {
    const stored = engine.transaction(() => {
      schemaChanges.by({ actor: by, migrationId: formatId(draft) }, () =>
        runStatements({ script, grant, engine, storage }, (_statement, result) => add(used, result)),
      )
      const durationMs = roundMs(performance.now() - startedMs)
      return migrations.freeze(draft, { atMs: services.now(), by, durationMs, bookmark })
    })
    services.audit(by, 'migration.applied', formatId(draft), { name: draft.name, statements: draft.statements })
    return { ...done(toMigration(stored)), sql: draft.sql, statementCount: script.statements.length, ...used }
  } catch (cause) {
    engine.forget()
    if (cause instanceof RetryRequired) throw cause
    const failure = PerSQLError.from(cause)
    migrations.fail(draft, { ...toFailure(failure), ...where(failure), atMs: services.now() })
    throw failure
  }
}

function tried({ grant }: DatabaseCall, { engine, storage }: MigrationServices, draft: StoredMigration): Outcome {
  const run = createRunSql(storage.sql)
  const objects = () => readObjects(run)
  const script = parseScript(draft.sql)
  const used = { rowsRead: 0, rowsWritten: 0 }
  const trial = dryRun(storage, engine, (): MigrationTrial => {
    const before = objects()
    const counts = new RowCounts(run)
    const statements: MigrationTrial['statements'] = []
    let failure: PerSQLError | undefined
    const ran = (statement: ScriptStatement, result: Result | PerSQLError) => {
      add(used, result)
      const failed = result instanceof PerSQLError
      if (!failed) counts.ran(result)
      const { rowsRead, rowsWritten } = failed ? NONE : result
      statements.push({ ...toFirstLine(statement), rowsRead, rowsWritten, ...(failed && { error: toFailure(result) }) })
    }
    try {
      runStatements({ script, grant, engine, storage }, ran, (_statement, analysis) => counts.runs(analysis))
    } catch (cause) {
      if (cause instanceof RetryRequired) throw cause
      failure = PerSQLError.from(cause)
    }
    const { added, removed, changed } = diffObjects(before, objects())
    return {
      ok: failure === undefined,
      statements,
      ...(failure && !failure.extra.failedStatement && { error: toFailure(failure) }),
      schema: { added: added.map(named), removed: removed.map(named), changed: changed.map(named) },
      rows: counts.changed(),
    }
  })
  return { ...done(trial), sql: draft.sql, statementCount: trial.statements.length, ...used }
}

const NONE = { rowsRead: 0, rowsWritten: 0 }
function add(used: { rowsRead: number; rowsWritten: number }, result: Result | PerSQLError): void {
  if (result instanceof PerSQLError) return
  used.rowsRead += result.rowsRead
  used.rowsWritten += result.rowsWritten
}

type Failure = NonNullable<StoredMigration['failed']>
function toFailure({ code, message, extra }: PerSQLError): Pick<Failure, 'code' | 'error' | 'errorDetail'> {
  const { errorDetail } = extra as Pick<Failure, 'errorDetail'>
  return { code, error: message, ...(errorDetail && { errorDetail }) }
}
function where({ extra }: PerSQLError): Pick<Failure, 'failedStatement'> {
  const { failedStatement } = extra as Pick<Failure, 'failedStatement'>
  return failedStatement ? { failedStatement } : {}
}

const toWire = ({ number, atMs, ...change }: SchemaChange) => ({
  id: number,
  at: toIso(atMs),
  ...change,
})
