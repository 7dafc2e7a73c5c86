import { PerSQLError } from '@persql/contract'
import type { SchemaObject, SchemaText } from '../schema.ts'
import { lower, nameOf, parseStatement, tokens, word } from '../tokenizer.ts'
import type { Sqlite } from './wasm-sqlite.ts'

/** `SQLITE_DBCONFIG_…`: what a schema that somebody else wrote must not do by itself. */
const OFF = { ENABLE_TRIGGER: 1003, ENABLE_VIEW: 1015, WRITABLE_SCHEMA: 1011, TRUSTED_SCHEMA: 1017 }
/** `DQS_DDL` and `DQS_DML` for schemas in which "x" is a text. */
const ON = { DEFENSIVE: 1010, DQS_DML: 1013, DQS_DDL: 1014 }
/** `SQLITE_LIMIT_…`: a value may have as much as a database of ours takes, written out, and there is nothing to attach. */
const LIMITS = {
  LENGTH: [0, 10_000_000],
  SQL_LENGTH: [1, 10_000_000],
  ATTACHED: [7, 0],
  TRIGGER_DEPTH: [10, 1],
} as const
/** Virtual tables that our databases have. Others would read what is no table. */
const MODULES = ['fts5', 'fts5vocab', 'rtree', 'rtree_i32']

/** To be called before anything is read of a file that somebody sent. */
export async function disableUnsafeFeatures(sqlite: Sqlite): Promise<void> {
  for (const option of Object.values(OFF)) sqlite.configure(option, false)
  for (const option of Object.values(ON)) sqlite.configure(option, true)
  for (const [limit, value] of Object.values(LIMITS)) sqlite.limit(limit, value)
  await sqlite.exec('PRAGMA cell_size_check = ON; PRAGMA cache_size = -4000; PRAGMA temp_store = FILE')
}

/** Refuses schemas whose texts are not the one statement each that they stand for. @throws PerSQLError `sqlite_file_refused` */
export function checkSchema({ tables, others }: SchemaText): void {
  for (const object of [...tables, ...others]) {
    const problem = problemOf(object)
    if (problem) throw new PerSQLError('sqlite_file_refused', { problem })
  }
}

function problemOf({ type, name, sql }: SchemaObject): string | undefined {
  const [, kind, made] = /^create\s+(?:(unique|virtual)\s+)?(table|index|view|trigger)\b/i.exec(sql) ?? []
  if (lower(made ?? '') !== type)
    return `The schema entry "${name}" is declared as a ${type}, but its SQL doesn't create one.`
  try {
    parseStatement(sql)
  } catch {
    return `The schema entry "${name}" isn't a single statement.`
  }
  if (lower(kind ?? '') !== 'virtual') return undefined
  const module = moduleOf(sql)
  return MODULES.includes(module) ? undefined : `Table "${name}" uses the module "${module}", which isn't supported.`
}

/** The module of a virtual table: what stands behind USING. */
function moduleOf(sql: string): string {
  const list = [...tokens(sql)]
  const name = list[list.findIndex((token) => word(sql, token) === 'USING') + 1]
  return name ? lower(nameOf(sql, name)) : ''
}
