import { type Api, type MigrationTrial, type Parsed, PerSQLError } from '@persql/contract'
import { mapPage } from '../../paging.ts'
import { actorOf, type DatabaseCall, type MigrationOperation } from '../call.ts'
import { Postponed } from '../engine.ts'
import { SCHEMA_TABLE } from '../guard/schema-map.ts'
import type { Parts, Run } from '../operations.ts'
import { done, donePage, type Outcome } from '../outcome.ts'
import type { Result } from '../result.ts'
import type { SchemaChange } from '../schema-changes.ts'
import { diffObjects, named, readObjects } from '../schema-diff.ts'
import { undone } from '../undone.ts'
import { checkedStatements, runStatements } from './run.ts'
import { headOf, statementsOf } from './script.ts'
import { idOf, migrationOf, type StoredMigration } from './store.ts'

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
    return parts.bookmark ? appliedLater(call, parts, draft, parts.bookmark()) : applied(call, parts, draft, null)
  }),

  try_migration: whole(tried),

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

/** While the bookmark was asked for, others were served: all that was checked is checked again. */
async function appliedLater(
  call: DatabaseCall,
  parts: Parts,
  asked: StoredMigration,
  bookmark: Promise<string | null>,
) {
  const known = await bookmark
  if (!parts.admits(call.grant)) throw new PerSQLError('token_unknown')
  const draft = parts.migrations.draft(idOf(asked))
  if (draft.checksum !== asked.checksum || draft.createdAtMs !== asked.createdAtMs) throw new PerSQLError('conflict')
  return applied(call, parts, draft, known)
}

/** In one turn: statements, record and stamp are committed together, and nobody else is served in between. */
function applied({ grant }: DatabaseCall, parts: Parts, draft: StoredMigration, bookmark: string | null): Outcome {
  const { engine, storage, migrations, schemaChanges } = parts
  const [by, startedMs] = [actorOf(grant), performance.now()]
  const used = { rowsRead: 0, rowsWritten: 0 }
  const statements = statementsOf(draft.sql)
  engine.begin(true)
  try {
    const stored = engine.transaction(() => {
      schemaChanges.by({ actor: by, migrationId: idOf(draft) }, () =>
        runStatements(statements, grant, engine, storage, (_statement, result) => add(used, result)),
      )
      const durationMs = rounded(performance.now() - startedMs)
      return migrations.freeze(draft, { atMs: parts.now(), by, durationMs, bookmark })
    })
    parts.audit(by, 'migration.applied', idOf(draft), { name: draft.name, statements: draft.statements })
    return { ...done(migrationOf(stored)), sql: draft.sql, statementCount: statements.length, ...used }
  } catch (cause) {
    engine.forget()
    if (cause instanceof Postponed) throw cause
    const failure = PerSQLError.from(cause)
    migrations.fail(draft, { ...errorOf(failure), ...where(failure), atMs: parts.now() })
    throw failure
  }
}

function tried(call: DatabaseCall, { engine, storage, migrations }: Parts): Outcome {
  const draft = migrations.draft(inputOf<'try_migration'>(call).id)
  const objects = () => readObjects((text) => [...storage.sql.exec(text).raw()])
  const used = { rowsRead: 0, rowsWritten: 0 }
  const trial = undone(storage, engine, (): MigrationTrial => {
    const before = objects()
    const statements: MigrationTrial['statements'] = []
    let failure: PerSQLError | undefined
    try {
      runStatements(statementsOf(draft.sql), call.grant, engine, storage, (statement, result) => {
        add(used, result)
        const failed = result instanceof PerSQLError
        const { rowsRead, rowsWritten } = failed ? NONE : result
        statements.push({ ...headOf(statement), rowsRead, rowsWritten, ...(failed && { error: errorOf(result) }) })
      })
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
  at: new Date(atMs).toISOString(),
  ...change,
})
const rounded = (ms: number) => Math.round(ms * 1000) / 1000
const inputOf = <K extends MigrationOperation>({ body }: DatabaseCall) => JSON.parse(body) as Parsed<Api[K]>
