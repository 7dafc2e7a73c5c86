import { PerSQLError } from '@persql/contract'
import type { Effect } from './effect.ts'
import { SCHEMA_TABLE } from './schema-map.ts'
import { nameOf, type Statement, tokens } from './statement.ts'

/** Compiled PRAGMAs say nothing of what they read or change, so only these run: what each touches, and what it needs. */
const ABOUT_ONE_TABLE = new Set(['table_info', 'table_xinfo', 'index_list', 'foreign_key_list'])
const ABOUT_SCHEMA = new Set([
  'table_list',
  'index_info',
  'index_xinfo',
  'foreign_key_check',
  'data_version',
  'foreign_keys',
])
/** They read or rewrite the statistics of every table. */
const MAINTENANCE = new Set(['optimize', 'quick_check'])

/** What a PRAGMA would do. @throws PerSQLError `statement_not_allowed` for every one not listed */
export function pragmaEffect(statement: Statement): Effect {
  const list = [...tokens(statement.text)].slice(1)
  const text = (at: number) => (list[at] ? statement.text.slice(list[at].start, list[at].end) : undefined)
  // `PRAGMA main.table_info(t)` names the only schema there is.
  const from = text(1) === '.' ? 2 : 0
  const name = list[from] ? nameOf(statement.text, list[from]) : ''
  const sets = text(from + 1) === '='
  const argument = list[from + 2] ? nameOf(statement.text, list[from + 2] as (typeof list)[number]) : undefined
  const effect: Effect = {
    kind: 'read',
    reads: [],
    writes: [],
    cleared: [],
    unresolved: false,
    mayRunLong: false,
    appendsTo: undefined,
    fires: [],
  }

  if (from === 0 || nameOf(statement.text, list[0] as (typeof list)[number]) === 'main') {
    if (ABOUT_ONE_TABLE.has(name) && argument !== undefined) return { ...effect, reads: [argument] }
    if (ABOUT_SCHEMA.has(name) && !sets && (name !== 'foreign_keys' || argument === undefined)) {
      return { ...effect, reads: [SCHEMA_TABLE] }
    }
    if (MAINTENANCE.has(name)) return { ...effect, kind: 'schema', mayRunLong: true }
    // It holds until the transaction ends, so it reaches nobody else.
    if (name === 'defer_foreign_keys') return { ...effect, kind: 'write' }
  }
  throw new PerSQLError('statement_not_allowed', {
    what: `PRAGMA ${name}`,
    instead: 'Settings of the connection are the same for all who use the database.',
  })
}
