import { assertRoom } from '../../disk-space.ts'
import { lower } from '../../sqlite/identifiers.ts'
import type { RunSql } from '../../sqlite/schema-map.ts'
import type { Analysis } from '../authorizer/authorizer.ts'

/** Checks that the disk has room for a statement that writes. @throws PerSQLError `storage_full` */
export function assertRoomToWrite(analysis: Analysis, run: RunSql): void {
  assertRoom(removesOnly(analysis, run) ? 'removes' : 'stores')
}

/**
 * Returns whether a statement only removes data: DROP, or a DELETE whose triggers and foreign keys don't store any. A
 * foreign key can set columns to a default of any length.
 */
function removesOnly({ statement: { verb }, touched: { others }, effect: { fires } }: Analysis, run: RunSql): boolean {
  if (verb === 'DROP') return true
  if (verb !== 'DELETE') return false
  return others.every(({ table, kind }) => {
    return kind === 'delete' || (kind === 'update' && fires.length === 0 && !setsDefaults(table, run))
  })
}

const setsDefaults = (table: string, run: RunSql): boolean =>
  run("SELECT 1 FROM pragma_foreign_key_list(?) WHERE on_delete = 'SET DEFAULT' LIMIT 1", lower(table)).length > 0
