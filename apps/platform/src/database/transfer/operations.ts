import { PerSQLError } from '@persql/contract'
import { formatCount } from '@persql/endpoint-spec'
import { assertInScope } from '../../authority.ts'
import { assertRoomFor } from '../../disk-space.ts'
import type { Remote } from '../../remote.ts'
import { lower } from '../../sqlite/identifiers.ts'
import { isInternal } from '../../sqlite/system-tables.ts'
import type { LongTransaction } from '../../storage/long-transaction.ts'
import { MAX_PAUSES_MS, Turns } from '../../turns.ts'
import { type DatabaseCall, type Grant, getActor } from '../calls/call.ts'
import { type Handlers, parseInput } from '../calls/handler.ts'
import { done, type Outcome, roundMs } from '../calls/outcome.ts'
import type { Engine } from '../engine/engine.ts'
import type { Growth } from '../engine/growth.ts'
import { RetryRequired } from '../engine/retry-required.ts'
import { userTables } from '../engine/schema.ts'
import type { Alone, Settle } from '../engine/without-foreign-keys.ts'
import type { Audit } from '../review/audit-outbox.ts'
import type { SchemaChangeLog } from '../versions/schema-changes.ts'
import type { Snapshots } from '../versions/snapshots/snapshots.ts'
import { ImportApplier } from './import-applier.ts'
import type { ImportStage } from './import-stage.ts'
import { readPiece } from './import-steps.ts'
import type { Imports } from './imports.ts'

/** A file that the Worker has received and converted. */
export interface Upload {
  readonly id: string
  readonly bytes: number
  /** The last piece number, counted from 1; an additional piece 0 is applied first. */
  readonly pieces: number
  /** The number of statements in the file; 0 for CSV and NDJSON. */
  readonly statements: number
  /** The reason why it must not be imported. */
  readonly failure?: Pick<PerSQLError, 'code' | 'details' | 'extra'>
}

/** The services that the import and export operations use. */
interface TransferServices {
  readonly storage: DurableObjectStorage
  readonly inTransaction: LongTransaction
  readonly engine: Engine
  readonly growth: Growth
  readonly history: Snapshots
  readonly imports: Imports
  readonly schemaChanges: SchemaChangeLog
  readonly audit: Audit
  readonly now: () => number
  readonly admits: (grant: Grant) => boolean
  readonly alone: Alone
  readonly settle: Settle
  /** Returns the object that stores the pieces of an import. */
  readonly getStage: (importId: string) => Remote<ImportStage>
}

/** Returns the handlers of imports and exports. */
export function operations(services: TransferServices) {
  return {
    get_import: () => done(services.imports.state),
    import_database: (call) => imported(call, services),

    async export_database(call) {
      const { format, table } = parseInput<'export_database'>(call)
      const { grant } = call
      if (format === 'sql' || format === 'sqlite') {
        if (table !== undefined)
          throw new PerSQLError('invalid_input', { problem: `${format} exports all tables. Remove "table".` })
        assertInScope(null, grant, `export the whole database as ${format}`)
      } else checkTable(services.storage.sql, table, grant.tableScope, format)
      // The copy is written twice: to the log of its file, then to the file.
      assertRoomFor(2 * services.storage.sql.databaseSize)
      return done({ snapshot: await services.history.borrow() })
    },
  } satisfies Handlers
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

async function imported(call: DatabaseCall, services: TransferServices): Promise<Outcome> {
  const { upload } = JSON.parse(call.body) as { upload: Upload }
  const { imports, alone, inTransaction } = services
  const stage = services.getStage(upload.id)
  try {
    if (upload.failure) throw PerSQLError.from(upload.failure)
    imports.applying(upload.id, upload.bytes)
    const outcome = await alone(() => inTransaction((checkTime) => applied(call, services, upload, stage, checkTime)))
    imports.end(upload.id)
    return outcome
  } catch (cause) {
    if (cause instanceof RetryRequired) throw cause
    imports.failed(upload.id, PerSQLError.from(cause).message)
    throw cause
  }
}

/** Applies an import. Call it in a transaction, with the exclusive lock. */
async function applied(
  call: DatabaseCall,
  services: TransferServices,
  { id, pieces, statements, bytes }: Upload,
  stage: Remote<ImportStage>,
  checkTime: () => void,
): Promise<Outcome> {
  const { storage, engine, growth, imports, schemaChanges } = services
  const { grant } = call
  if (!services.admits(grant)) throw new PerSQLError('token_unknown')
  const startedMs = performance.now()
  const applier = new ImportApplier(storage, engine, growth, grant)
  const { used } = applier
  const turns = new Turns(MAX_PAUSES_MS)
  const working = <T>(work: () => T): T => engine.runExclusive(() => schemaChanges.withoutLogging(work))
  for (let number = 0; number <= pieces; number++) {
    const piece = await stage.get(number)
    if (piece === undefined && number > 0) throw new PerSQLError('import_cut_off')
    const steps = readPiece(piece).values()
    while (working(() => applier.apply(steps, turns))) {
      imports.applied(id, used.rows)
      await turns.next()
      checkTime()
    }
    imports.applied(id, used.rows)
    checkTime()
  }
  const { tables, objects } = working(() => applier.finish())
  const durationMs = roundMs(performance.now() - startedMs)
  const { rows, rowsRead, rowsWritten } = used
  const actor = getActor(grant)
  if (objects.length > 0)
    schemaChanges.add(
      { text: `-- Import of ${formatCount(bytes, 'byte')}`, verb: 'IMPORT' },
      objects,
      actor,
      services.now(),
    )
  imports.done(id)
  services.audit(actor, 'database.imported', id, { bytes, rows, statements })
  const outcome = done(
    { id, statements, rows, tables, bytes, durationMs },
    { sql: '', statementCount: statements, rowsRead, rowsWritten },
  )
  services.settle(call, outcome, startedMs)
  return outcome
}
