import { type Api, type Parsed, PerSQLError } from '@persql/contract'
import { assertInScope } from '../../authority.ts'
import { actorOf, type DatabaseCall, type TransferOperation } from '../call.ts'
import { Postponed } from '../engine.ts'
import { lower } from '../guard/statement.ts'
import { isInternal } from '../internal.ts'
import type { Parts, Run } from '../operations.ts'
import { done, type Outcome } from '../outcome.ts'
import { userTables } from '../schema.ts'
import { Applier } from './applier.ts'

/** What the Worker has made of a file that somebody sent. */
export interface Upload {
  readonly id: string
  readonly bytes: number
  /** Numbers of pieces are from 1 to this; there may be a piece 0, to be done first. */
  readonly pieces: number
  /** How many statements the file had; rows of CSV and NDJSON are none. */
  readonly statements: number
  /** Why it is not to be imported. */
  readonly failure?: Pick<PerSQLError, 'code' | 'details' | 'extra'>
}

/** Data on its way in and out. Bodies are validated input. */
export const transferOperations: Record<TransferOperation, Run> = {
  get_import: (_call, { imports }) => done(imports.state),
  import_database: imported,

  async export_database({ body, grant }, { history, storage }) {
    const { format, table } = JSON.parse(body) as Parsed<Api['export_database']>
    if (format === 'sql' || format === 'sqlite') {
      if (table !== undefined)
        throw new PerSQLError('invalid_input', { problem: `${format} exports all tables. Remove "table".` })
      assertInScope(null, grant, `export the whole database as ${format}`)
    } else checkTable(storage.sql, table, grant.tableScope, format)
    return done({ snapshot: await history.borrow() })
  },
}

function checkTable(sql: SqlStorage, table: string | undefined, scope: readonly string[] | null, format: string): void {
  if (table === undefined)
    throw new PerSQLError('invalid_input', { problem: `${format} exports one table. Set "table" to its name.` })
  if (isInternal(table)) throw new PerSQLError('table_protected', { table })
  if (scope !== null && !scope.some((name) => lower(name) === lower(table)))
    throw new PerSQLError('table_out_of_scope', { table })
  if (!userTables(sql, scope).some(({ name }) => lower(name) === lower(table)))
    throw new PerSQLError('table_not_found', { table })
}

async function imported(call: DatabaseCall, parts: Parts): Promise<Outcome> {
  const { upload } = JSON.parse(call.body) as { upload: Upload }
  const { imports } = parts
  const stage = parts.stageOf(upload.id)
  try {
    if (upload.failure) throw PerSQLError.from(upload.failure)
    imports.applying(upload.id, upload.bytes)
    const outcome = await parts.alone(() =>
      parts.inTransaction((checkTime) => applied(call, parts, upload, stage, checkTime)),
    )
    imports.end(upload.id)
    return outcome
  } catch (cause) {
    if (cause instanceof Postponed) throw cause
    imports.failed(upload.id, PerSQLError.from(cause).message)
    throw cause
  }
}

/** To be called in a transaction, while nobody else is served. */
async function applied(
  call: DatabaseCall,
  parts: Parts,
  { id, pieces, statements, bytes }: Upload,
  stage: ReturnType<Parts['stageOf']>,
  checkTime: () => void,
): Promise<Outcome> {
  const { storage, engine, imports, schemaChanges } = parts
  const { grant } = call
  if (!parts.admits(grant)) throw new PerSQLError('token_unknown')
  const startedMs = performance.now()
  const applier = new Applier(storage, engine, grant)
  const { used } = applier
  const working = <T>(work: () => T): T => engine.alone(() => schemaChanges.silently(work))
  for (let number = 0; number <= pieces; number++) {
    const piece = await stage.get(number)
    if (piece !== undefined) working(() => applier.apply(piece))
    else if (number > 0) throw new PerSQLError('import_cut_off')
    imports.applied(id, used.rows)
    // Calls between objects do not let the process look for requests; a timer does.
    await scheduler.wait(0)
    checkTime()
  }
  const { tables, objects } = working(() => applier.finish())
  const durationMs = Math.round((performance.now() - startedMs) * 1000) / 1000
  const { rows, rowsRead, rowsWritten } = used
  const actor = actorOf(grant)
  if (objects.length > 0)
    schemaChanges.add({ text: `-- Import of ${bytes} bytes`, verb: 'IMPORT' }, objects, actor, parts.now())
  imports.done(id)
  parts.audit(actor, 'database.imported', id, { bytes, rows, statements })
  const outcome = done(
    { id, statements, rows, tables, bytes, durationMs },
    { sql: '', statementCount: statements, rowsRead, rowsWritten },
  )
  parts.settle(call, outcome, startedMs)
  return outcome
}
