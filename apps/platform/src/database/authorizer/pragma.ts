import { PerSQLError } from '@persql/contract'
import { SCHEMA_TABLE } from '../../sqlite/schema-map.ts'
import { parseIdentifier, type Statement, syntaxError, type Token, tokens } from '../../sqlite/tokenizer.ts'
import { type Effect, NO_EFFECT } from './statement-effect.ts'

/** An allowed PRAGMA: its effect and the SQL that runs for it. */
export interface Pragma {
  readonly effect: Effect
  /** SQL to run for it: the PRAGMA itself if SQLite has to run it, otherwise a SELECT of the result. */
  readonly sql: string
  /** Names of the result's columns, if they differ from those of `sql`. */
  readonly columns?: readonly string[]
}

/** A PRAGMA, parsed from its tokens: `PRAGMA [schema.]name [= value | (value)]`. */
interface Parsed {
  readonly name: string
  readonly argument: string | undefined
  /** Whether the argument follows "=". */
  readonly assigns: boolean
}

/** A setting that all callers share. Callers can read it, or set it to its current value. */
interface Setting {
  /** The value; absent if SQLite returns none. */
  readonly value?: number | string
  /** Values that equal the current one, or that have no effect here. */
  readonly accepts: RegExp
  /** The result column in which SQLite confirms a new value. */
  readonly confirms?: string
  /** The alternative to setting another value. */
  readonly instead?: string
}

const ABOUT_ONE_TABLE = new Set(['table_info', 'table_xinfo', 'index_list', 'foreign_key_list'])
const ABOUT_SCHEMA = new Set(['table_list', 'index_info', 'index_xinfo', 'foreign_key_check', 'data_version'])
/** PRAGMAs that read every table or rewrite its statistics. */
const MAINTENANCE = new Set(['optimize', 'quick_check'])

const ON = /^(on|yes|true|\+?1)$/i
const OFF = /^(off|no|false|[+-]?0)$/i
const BOOLEAN = /^(on|off|yes|no|true|false|[+-]?[01])$/i
const INTEGER = /^[+-]?\d{1,18}$/

const off: Setting = { value: 0, accepts: OFF }
const on: Setting = { value: 1, accepts: ON }
const tuning: Setting = { accepts: INTEGER, instead: 'The server sets this value.' }
const SHARED = 'Connection settings are shared by all callers of the database.'
const VERSION = 'Store the version in a table, or use migrations, which record what was applied.'
const NOT_ENFORCED =
  'To rebuild a table, make PRAGMA foreign_keys=OFF the first statement of a migration, or of a batch with "transaction": true.'

const SETTINGS: Readonly<Record<string, Setting>> = {
  foreign_keys: { ...on, instead: NOT_ENFORCED },
  journal_mode: {
    value: 'wal',
    accepts: /^wal$/i,
    confirms: 'journal_mode',
    instead: 'The journal mode is always WAL.',
  },
  encoding: { value: 'UTF-8', accepts: /^utf-?8$/i, instead: 'Text is always UTF-8.' },
  synchronous: { value: 2, accepts: /^([0-3]|off|normal|full|extra)$/i },
  recursive_triggers: off,
  ignore_check_constraints: off,
  case_sensitive_like: { accepts: OFF, instead: `${SHARED} For case-sensitive matches, use GLOB.` },
  legacy_alter_table: off,
  reverse_unordered_selects: off,
  writable_schema: { value: 0, accepts: /^(off|no|false|[+-]?0|reset)$/i },
  query_only: off,
  read_uncommitted: off,
  trusted_schema: on,
  cell_size_check: { value: 0, accepts: BOOLEAN },
  automatic_index: on,
  short_column_names: on,
  full_column_names: off,
  count_changes: off,
  empty_result_callbacks: off,
  checkpoint_fullfsync: { value: 0, accepts: BOOLEAN },
  fullfsync: { value: 0, accepts: BOOLEAN },
  secure_delete: { ...off, confirms: 'secure_delete' },
  auto_vacuum: { value: 0, accepts: /^(0|none)$/i },
  page_size: { value: 4096, accepts: /^4096$/, instead: 'The page size is always 4,096 bytes.' },
  locking_mode: { value: 'normal', accepts: /^normal$/i, confirms: 'locking_mode' },
  temp_store: { value: 0, accepts: /^([0-2]|default|file|memory)$/i },
  busy_timeout: { value: 0, accepts: INTEGER, confirms: 'timeout' },
  user_version: { value: 0, accepts: /^[+-]?0$/, instead: VERSION },
  application_id: { value: 0, accepts: /^[+-]?0$/, instead: VERSION },
  cache_size: tuning,
  cache_spill: { ...tuning, accepts: /^([+-]?\d{1,18}|on|off|yes|no|true|false)$/i },
  mmap_size: tuning,
  wal_autocheckpoint: tuning,
  journal_size_limit: tuning,
  analysis_limit: tuning,
  threads: tuning,
  soft_heap_limit: tuning,
  hard_heap_limit: tuning,
  default_cache_size: tuning,
}

/** Lists of a SQLite connection that are the same for every database here. */
const LISTS: Readonly<Record<string, string>> = {
  database_list: "SELECT 0 AS seq, 'main' AS name, '' AS file",
  collation_list: "SELECT column1 AS seq, column2 AS name FROM (VALUES (0, 'RTRIM'), (1, 'NOCASE'), (2, 'BINARY'))",
}

const INSTEAD: Readonly<Record<string, string>> = {
  schema_version: 'Read the schema from sqlite_schema. To detect data changes, use PRAGMA data_version.',
  integrity_check: 'Use PRAGMA quick_check.',
  page_count: 'The list of databases shows the stored size of each.',
  freelist_count: 'The list of databases shows the stored size of each.',
  max_page_count: 'The list of databases shows the stored size of each.',
}

/**
 * Reads the effect of a PRAGMA from its tokens alone: SQLite applies a PRAGMA's settings while it compiles it, even
 * under EXPLAIN, so a PRAGMA that could change a setting is never compiled. Only the PRAGMAs listed here are allowed.
 * @throws PerSQLError `statement_not_allowed` for all others, `sql_error` for invalid syntax
 */
export function readPragma({ text, explain }: Pick<Statement, 'text' | 'explain'>): Pragma {
  const { name, argument, assigns } = parsed(text)
  const plain = explain === 'no'
  const schema: Effect = { ...NO_EFFECT, reads: [SCHEMA_TABLE] }
  if (ABOUT_ONE_TABLE.has(name) && argument !== undefined) {
    return { effect: { ...NO_EFFECT, reads: [argument] }, sql: text }
  }
  if (ABOUT_SCHEMA.has(name) && !assigns) return { effect: schema, sql: text }
  if (MAINTENANCE.has(name) && plain) return { effect: { ...NO_EFFECT, kind: 'schema', mayRunLong: true }, sql: text }
  if (name === 'defer_foreign_keys') {
    if (argument === undefined) return { effect: NO_EFFECT, sql: text }
    // Inside a transaction, this would make SQLite forget the pending violations.
    if (OFF.test(argument)) return nothing(NO_EFFECT)
    // The setting lasts until the transaction ends, so it affects no other caller.
    if (ON.test(argument) && !plain) return nothing(NO_EFFECT)
    if (ON.test(argument)) {
      return {
        effect: { ...NO_EFFECT, kind: 'write', defers: 'all' },
        sql: 'PRAGMA defer_foreign_keys = ON',
        columns: [],
      }
    }
  }
  const list = own(LISTS, name)
  if (list !== undefined && argument === undefined) return { effect: NO_EFFECT, sql: list }
  const setting = own(SETTINGS, name)
  if (setting && argument === undefined && setting.value !== undefined)
    return one(setting.confirms ?? name, setting.value)
  if (setting && argument === undefined && setting.accepts === OFF) return nothing(NO_EFFECT)
  if (setting && argument !== undefined && setting.accepts.test(argument)) {
    return setting.confirms === undefined ? nothing(NO_EFFECT) : one(setting.confirms, confirmed(setting, argument))
  }
  const instead = setting?.instead ?? own(INSTEAD, name) ?? SHARED
  throw new PerSQLError('statement_not_allowed', { what: `PRAGMA ${name}`, instead })
}

/** Returns the entry of a table under a name that a caller chose. */
const own = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined

/** SQLite confirms a number as given, and a word with its current value. */
const confirmed = ({ value, accepts }: Setting, argument: string) =>
  accepts === INTEGER ? Number(argument) : (value ?? argument)

function one(column: string, value: number | string): Pragma {
  return { effect: NO_EFFECT, sql: `SELECT ${typeof value === 'number' ? value : `'${value}'`} AS "${column}"` }
}

const nothing = (effect: Effect): Pragma => ({ effect, sql: 'SELECT 1 WHERE 0', columns: [] })

/** Parses a PRAGMA. @throws PerSQLError `sql_error` if SQLite's grammar doesn't allow it */
function parsed(text: string): Parsed {
  const [first, ...list] = [...tokens(text)].slice(1)
  const getText = (token: Token | undefined) => (token ? text.slice(token.start, token.end) : '')
  const hasSchema = getText(list[0]) === '.'
  const [named, ...rest] = hasSchema ? list.slice(1) : [first, ...list]
  if (!isName(first) || !isName(named)) throw unexpected(text, isName(first) ? named : first)
  if (hasSchema && parseIdentifier(text, first) !== 'main') {
    throw new PerSQLError('statement_not_allowed', {
      what: `The schema "${parseIdentifier(text, first)}"`,
      instead: 'The only schema is "main".',
    })
  }
  const name = parseIdentifier(text, named)
  const [opening] = rest
  if (opening === undefined) return { name, argument: undefined, assigns: false }
  const assigns = getText(opening) === '='
  const encloses = opening.kind === 'open' && rest.at(-1)?.kind === 'close'
  if (!assigns && !encloses) throw unexpected(text, opening)
  const values = rest.slice(1, assigns ? undefined : -1)
  const sign = values.length === 2 && /^[+-]$/.test(getText(values[0])) ? getText(values[0]) : ''
  const value = values[sign === '' ? 0 : 1]
  const isNumber = /^[\d.]/.test(getText(value))
  if (value === undefined || values.length !== (sign === '' ? 1 : 2)) throw unexpected(text, values[1] ?? rest.at(-1))
  if (!isNumber && (sign !== '' || !isName(value))) throw unexpected(text, value)
  return { name, argument: sign + (isNumber ? getText(value) : parseIdentifier(text, value)), assigns }
}

const isName = (token: Token | undefined): token is Token => token?.kind === 'word' || token?.kind === 'quoted'

const unexpected = (text: string, token: Token | undefined): PerSQLError =>
  syntaxError(token ? text.slice(token.start, token.end) : text)
