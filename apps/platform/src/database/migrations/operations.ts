import { type Api, type MigrationTrial, type Parsed, PerSQLError } from '@persql/contract'
import { toIso } from '../../clock.ts'
import { mapPage } from '../../paging.ts'
import { actorOf, type DatabaseCall, type MigrationOperation } from '../call.ts'
import { Postponed } from '../engine.ts'
import { type Run as RunSql, SCHEMA_TABLE } from '../guard/schema-map.ts'
import type { Parts, Run } from '../operations.ts'
import { done, donePage, type Outcome } from '../outcome.ts'
import type { Result } from '../result.ts'
import type { SchemaChange } from '../schema-changes.ts'
import { diffObjects, named, readObjects } from '../schema-diff.ts'
import { undone } from '../undone.ts'
import { withoutForeignKeys } from '../without-foreign-keys.ts'
import { RowCounts } from './row-counts.ts'
import { checkedStatements, runStatements } from './run.ts'
import { headOf, parseScript, type ScriptStatement } from './script.ts'
import { idOf, migrationOf } from './store.ts'
import type { StoredMigration } from './stored-migration.ts'

/** What changes the schema, and the record of what has. Bodies are validated input. */
export const migrationOperations: Record<MigrationOperation, Run> = {
  list_migrations: whole((call, { migrations }) =>
    donePage(mapPage(migrations.page(inputOf<'list_migrations'>(call)), migrationOf)),
  ),

  create_migration: whole((call, parts) => {
    const { name, sql } = inputOf<'create_migration'>(call)
    const statements = checkedStatements(sql, call.grant, parts.engine).length
    const stored = parts.migrations.create({ name, sql, statements }, parts.now())
    parts.audit(actorOf(call.grant), 'migration.created', idOf(stored), { name })
    return done(migrationOf(stored))
  }),

  update_migration: whole((call, parts) => {
    const { id, ...changes } = inputOf<'update_migration'>(call)
    const draft = parts.migrations.draft(id)
    const { name, sql } = { ...draft, ...changes }
    const statements = checkedStatements(sql, call.grant, parts.engine).length
    const stored = parts.migrations.change(draft, { name, sql, statements }, parts.now())
    parts.audit(actorOf(call.grant), 'migration.updated', id, { name })
    return done(migrationOf(stored))
  }),

  delete_migration: whole((call, parts) => {
    const draft = parts.migrations.draft(inputOf<'delete_migration'>(call).id)
    parts.migrations.delete(draft)
    parts.audit(actorOf(call.grant), 'migration.deleted', idOf(draft), { name: draft.name })
    return done({ deleted: true })
  }),

  apply_migration: whole((call, parts) => {
    const draft = parts.migrations.draft(inputOf<'apply_migration'>(call).id)
    const { foreignKeysOff } = parseScript(draft.sql)
    if (!foreignKeysOff && !parts.bookmark) return applied(call, parts, draft, null)
    return appliedLater(call, parts, draft, foreignKeysOff)
  }),

  try_migration: whole((call, parts) => {
    const draft = parts.migrations.draft(inputOf<'try_migration'>(call).id)
    if (!parseScript(draft.sql).foreignKeysOff) return tried(call, parts, draft)
    return withoutForeignKeys(call, parts, false, () => tried(call, parts, unchanged(parts, draft)))
  }),

  list_schema_changes: whole((call, { schemaChanges }) => {
    const { limit, before } = inputOf<'list_schema_changes'>(call)
    return done(schemaChanges.list(limit, before).map(wireOf))
  }),
}

/** Migrations and changes of the schema show, and reach, all tables. */
function whole(run: Run): Run {
  return (call, parts) => {
    if (call.grant.tableScope !== null) throw new PerSQLError('table_out_of_scope', { table: SCHEMA_TABLE })
    return run(call, parts)
  }
}

/** Others are served before this has its turn, so what was checked is checked again then. */
async function appliedLater(
  call: DatabaseCall,
  parts: Parts,
  draft: StoredMigration,
  foreignKeysOff: boolean,
): Promise<Outcome> {
  const bookmark = (await parts.bookmark?.()) ?? null
  const apply = () => applied(call, parts, unchanged(parts, draft), bookmark)
  if (foreignKeysOff) return withoutForeignKeys(call, parts, true, apply)
  if (!parts.admits(call.grant)) throw new PerSQLError('token_unknown')
  return apply()
}

/** @throws PerSQLError `conflict` when the draft has changed */
function unchanged({ migrations }: Parts, before: StoredMigration): StoredMigration {
  const draft = migrations.draft(idOf(before))
  if (draft.checksum !== before.checksum || draft.createdAtMs !== before.createdAtMs) throw new PerSQLError('conflict')
  return draft
}

/** In one turn: statements, record and stamp are committed together, and nobody else is served in between. */
function applied({ grant }: DatabaseCall, parts: Parts, draft: StoredMigration, bookmark: string | null): Outcome {
  const { engine, storage, migrations, schemaChanges } = parts
  const [by, startedMs] = [actorOf(grant), performance.now()]
  const used = { rowsRead: 0, rowsWritten: 0 }
  const script = parseScript(draft.sql)
  engine.begin(true)
  try {
    const stored = engine.transaction(() => {
      schemaChanges.by({ actor: by, migrationId: idOf(draft) }, () =>
        runStatements({ script, grant, engine, storage }, (_statement, result) => add(used, result)),
      )
      const durationMs = rounded(performance.now() - startedMs)
      return migrations.freeze(draft, { atMs: parts.now(), by, durationMs, bookmark })
    })
    parts.audit(by, 'migration.applied', idOf(draft), { name: draft.name, statements: draft.statements })
    return { ...done(migrationOf(stored)), sql: draft.sql, statementCount: script.statements.length, ...used }
  } catch (cause) {
    engine.forget()
    if (cause instanceof Postponed) throw cause
    const failure = PerSQLError.from(cause)
    migrations.fail(draft, { ...errorOf(failure), ...where(failure), atMs: parts.now() })
    throw failure
  }
}

function tried({ grant }: DatabaseCall, { engine, storage }: Parts, draft: StoredMigration): Outcome {
  const run: RunSql = (text, ...params) => [...storage.sql.exec(text, ...params).raw()]
  const objects = () => readObjects(run)
  const script = parseScript(draft.sql)
  const used = { rowsRead: 0, rowsWritten: 0 }
  const trial = undone(storage, engine, (): MigrationTrial => {
    const before = objects()
    const counts = new RowCounts(run)
    const statements: MigrationTrial['statements'] = []
    let failure: PerSQLError | undefined
    const ran = (statement: ScriptStatement, result: Result | PerSQLError) => {
      add(used, result)
      const failed = result instanceof PerSQLError
      if (!failed) counts.ran(result)
      const { rowsRead, rowsWritten } = failed ? NONE : result
      statements.push({ ...headOf(statement), rowsRead, rowsWritten, ...(failed && { error: errorOf(result) }) })
    }
    try {
      runStatements({ script, grant, engine, storage }, ran, (_statement, analysis) => counts.runs(analysis))
    } catch (cause) {
      if (cause instanceof Postponed) throw cause
      failure = PerSQLError.from(cause)
    }
    const { added, removed, changed } = diffObjects(before, objects())
    return {
      ok: failure === undefined,
      statements,
      ...(failure && !failure.extra.failedStatement && { error: errorOf(failure) }),
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
function errorOf({ code, message, extra }: PerSQLError): Pick<Failure, 'code' | 'error' | 'errorDetail'> {
  const { errorDetail } = extra as Pick<Failure, 'errorDetail'>
  return { code, error: message, ...(errorDetail && { errorDetail }) }
}
function where({ extra }: PerSQLError): Pick<Failure, 'failedStatement'> {
  const { failedStatement } = extra as Pick<Failure, 'failedStatement'>
  return failedStatement ? { failedStatement } : {}
}

const wireOf = ({ number, atMs, ...change }: SchemaChange) => ({
  id: number,
  at: toIso(atMs),
  ...change,
})
const rounded = (ms: number) => Math.round(ms * 1000) / 1000
const inputOf = <K extends MigrationOperation>({ body }: DatabaseCall) => JSON.parse(body) as Parsed<Api[K]>
