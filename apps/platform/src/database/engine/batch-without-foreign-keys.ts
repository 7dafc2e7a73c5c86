import { PerSQLError } from '@persql/contract'
import { limitingRole } from '../../authority.ts'
import { SCHEMA_TABLE } from '../../sqlite/schema-map.ts'
import { tokens } from '../../sqlite/tokenizer.ts'
import { type BatchInput, type DatabaseCall, getActor } from '../calls/call.ts'
import type { Outcome } from '../calls/outcome.ts'
import { checkForeignKeys } from '../versions/migrations/foreign-keys.ts'
import { parseForeignKeys } from '../versions/migrations/script.ts'
import type { SchemaChangeLog } from '../versions/schema-changes.ts'
import type { Result } from './result.ts'
import { runBatchStatement } from './run-batch-statement.ts'
import { createRunSql } from './run-sql.ts'
import { type TurnWithoutForeignKeys, withoutForeignKeys } from './without-foreign-keys.ts'

/** The services that a batch without foreign keys uses. */
export interface BatchWithoutForeignKeys extends TurnWithoutForeignKeys {
  readonly storage: DurableObjectStorage
  readonly schemaChanges: SchemaChangeLog
}

const NOTHING: Result = Object.freeze({ columns: [], rows: [], rowsRead: 0, rowsWritten: 0 })

/** Returns whether a batch in one transaction starts by turning foreign keys off, as migration tools do. */
export const turnsForeignKeysOff = ({ statements, transaction }: BatchInput): boolean =>
  transaction && setsForeignKeys(statements[0]?.sql ?? '') === false

/**
 * Runs a batch like a migration: with foreign keys off, and checked at its end.
 * @throws PerSQLError `role_insufficient` or `table_out_of_scope` unless the caller can change the schema
 */
export function batchWithoutForeignKeys(
  call: DatabaseCall,
  services: BatchWithoutForeignKeys,
  { statements }: BatchInput,
  toOutcome: (results: Result[]) => Outcome,
): Promise<Outcome> {
  const { grant } = call
  const { role, tableScope } = grant
  if (role !== 'admin') {
    throw new PerSQLError('role_insufficient', { role: limitingRole(grant), action: 'turn foreign keys off' })
  }
  if (tableScope !== null) throw new PerSQLError('table_out_of_scope', { table: SCHEMA_TABLE })
  const { engine, storage, schemaChanges } = services
  const run = createRunSql(storage.sql)
  const script = statements.map(({ sql }, i) => ({ number: i + 1, line: 1, text: sql }))
  const runAll = () => {
    const results: Result[] = []
    const check = checkForeignKeys(run, script, true)
    for (const statement of statements) {
      if (setsForeignKeys(statement.sql) === undefined) runBatchStatement(statement, grant, engine, results, true)
      else results.push(NOTHING)
    }
    check.end()
    return toOutcome(results)
  }
  const author = { actor: getActor(grant), migrationId: null }
  return withoutForeignKeys(call, services, true, () => engine.transaction(() => schemaChanges.by(author, runAll)))
}

/** Returns whether a statement turns foreign keys on; `undefined` for any other statement. */
export const setsForeignKeys = (sql: string): boolean | undefined =>
  /foreign_keys/i.test(sql) ? parseForeignKeys(sql, [...tokens(sql)]) : undefined
