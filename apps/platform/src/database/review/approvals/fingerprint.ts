import { lower } from '../../../sqlite/identifiers.ts'
import type { Analysis } from '../../authorizer/authorizer.ts'
import { hashToken } from './tokens.ts'

/**
 * Returns a hash of a statement's effect: its text and kind, the tables in its compiled program, and the definitions of
 * these tables, their triggers and unique indexes, and all views. Other indexes don't change the effect, so they are
 * left out.
 */
export function computeFingerprint({ effect, statement }: Analysis, sql: SqlStorage): string {
  const tables = [...new Set([...effect.reads, ...effect.writes].map(lower))].sort()
  const definitions = [...sql.exec(DEFINITIONS, JSON.stringify(tables)).raw()]
  return hashToken(JSON.stringify([statement.text, effect.kind, effect.reads, effect.writes, definitions]))
}

const DEFINITIONS = `
  SELECT type, name, tbl_name, sql FROM sqlite_master
  WHERE type = 'view' OR tbl_name IN (SELECT name FROM sqlite_master WHERE type = 'view')
     OR (lower(tbl_name) IN (SELECT value FROM json_each(?))
         AND (type IN ('table', 'trigger') OR sql GLOB 'CREATE UNIQUE INDEX *'))
  ORDER BY type, name`
