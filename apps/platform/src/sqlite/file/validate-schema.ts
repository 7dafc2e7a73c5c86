import { PerSQLError } from '@persql/contract'
import { lower } from '../identifiers.ts'
import type { SchemaObject, SchemaText } from '../schema.ts'
import { parseIdentifier, parseStatement, tokens, word } from '../tokenizer.ts'
import type { Sqlite } from './wasm-sqlite.ts'

/** `SQLITE_DBCONFIG_…` options to disable, so that an untrusted schema can't run code. */
const OFF = { ENABLE_TRIGGER: 1003, ENABLE_VIEW: 1015, WRITABLE_SCHEMA: 1011, TRUSTED_SCHEMA: 1017 }
/** `SQLITE_DBCONFIG_…` options to enable. `DQS_DDL` and `DQS_DML` are for schemas that use "x" as a string. */
const ON = { DEFENSIVE: 1010, DQS_DML: 1013, DQS_DDL: 1014 }
/** `SQLITE_LIMIT_…` values: lengths up to those of a PerSQL database as SQL text, and no attached databases. */
const LIMITS = {
  LENGTH: [0, 10_000_000],
  SQL_LENGTH: [1, 10_000_000],
  ATTACHED: [7, 0],
  TRIGGER_DEPTH: [10, 1],
} as const
/** Modules that PerSQL databases support. Others could read data outside of the file's tables. */
const MODULES = ['fts5', 'fts5vocab', 'rtree', 'rtree_i32']

/** Disables the features that an untrusted file could exploit. Call it before reading anything from the file. */
export async function disableUnsafeFeatures(sqlite: Sqlite): Promise<void> {
  for (const option of Object.values(OFF)) sqlite.configure(option, false)
  for (const option of Object.values(ON)) sqlite.configure(option, true)
  for (const [limit, value] of Object.values(LIMITS)) sqlite.limit(limit, value)
  await sqlite.exec('PRAGMA cell_size_check = ON; PRAGMA cache_size = -4000; PRAGMA temp_store = FILE')
}

/**
 * Checks that each schema entry is the single CREATE statement that it claims to be. @throws PerSQLError
 * `sqlite_file_refused`
 */
export function checkSchema({ tables, others }: SchemaText): void {
  for (const object of [...tables, ...others]) {
    const problem = findProblem(object)
    if (problem) throw new PerSQLError('sqlite_file_refused', { problem })
  }
}

function findProblem({ type, name, sql }: SchemaObject): string | undefined {
  const [, kind, made] = /^create\s+(?:(unique|virtual)\s+)?(table|index|view|trigger)\b/i.exec(sql) ?? []
  if (lower(made ?? '') !== type)
    return `The schema entry of the ${type} "${name}" contains SQL that doesn't create this ${type}.`
  try {
    parseStatement(sql)
  } catch {
    return `The schema entry "${name}" isn't a single statement.`
  }
  if (lower(kind ?? '') !== 'virtual') return undefined
  const module = getModule(sql)
  return MODULES.includes(module) ? undefined : `Table "${name}" uses the module "${module}", which isn't supported.`
}

/** Returns the module of a virtual table, the name after USING. */
function getModule(sql: string): string {
  const list = [...tokens(sql)]
  const name = list[list.findIndex((token) => word(sql, token) === 'USING') + 1]
  return name ? lower(parseIdentifier(sql, name)) : ''
}
