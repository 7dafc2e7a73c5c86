import { parseIdentifier, type Token, word } from '../../sqlite/tokenizer.ts'

const NAME = `(?:"(?:[^"]|""){1,300}"|'(?:[^']|''){1,300}'|\`(?:[^\`]|\`\`){1,300}\`|\\[[^\\]]{1,300}\\]|[A-Za-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*)`
const CONFLICT = 'INSERT\\s+OR\\s+(?:ABORT|FAIL|IGNORE|REPLACE|ROLLBACK)'
/** Matches `INSERT INTO t (a, b) VALUES` up to the first row and captures its verb, table and columns. */
export const INSERT = new RegExp(
  `(INSERT|REPLACE|${CONFLICT})\\s+INTO\\s+(?:(?:main|"main")\\s*\\.\\s*)?(${NAME})\\s*(\\(\\s*${NAME}(?:\\s*,\\s*${NAME})*\\s*\\))?\\s*VALUES\\s*(?=[(/-])`,
  'iy',
)
/** Returns the number of columns in a list. */
export const countNames = (list: string): number => [...list.matchAll(new RegExp(NAME, 'g'))].length

/** PRAGMAs in a dump that have no effect on an import: PerSQL databases have their own settings. */
const SETTINGS = new Set([
  ...['foreign_keys', 'defer_foreign_keys', 'writable_schema', 'user_version', 'application_id', 'schema_version'],
  ...['page_size', 'encoding', 'auto_vacuum', 'incremental_vacuum', 'legacy_file_format', 'max_page_count'],
  ...['journal_mode', 'journal_size_limit', 'synchronous', 'fullfsync', 'checkpoint_fullfsync', 'locking_mode'],
  ...['wal_autocheckpoint', 'wal_checkpoint', 'cache_size', 'cache_spill', 'mmap_size', 'temp_store', 'busy_timeout'],
  ...['threads', 'soft_heap_limit', 'hard_heap_limit', 'secure_delete', 'cell_size_check', 'trusted_schema'],
  ...['optimize', 'analysis_limit', 'automatic_index', 'read_uncommitted', 'query_only', 'integrity_check'],
  ...['quick_check', 'foreign_key_check'],
])

/** Returns whether a PRAGMA can be skipped. */
export const isSetting = (names: readonly (string | undefined)[]): boolean => {
  const [name, dot, of] = names
  return SETTINGS.has((dot === '.' ? of : name) ?? '')
}

/** Lines for the sqlite3 shell that have no effect on an import; `.recover` and scripts write some. */
export const SHELL_LINE = /\.([a-z]+)[^\n]*\n/iy
export const SHELL_SETTINGS = new Set([
  ...['bail', 'changes', 'dbconfig', 'echo', 'eqp', 'headers', 'limit', 'mode', 'nullvalue', 'print', 'progress'],
  ...['prompt', 'separator', 'stats', 'timeout', 'timer', 'trace', 'width'],
])
/** Statements that start and end a transaction. */
export const BEGIN = /^BEGIN( (DEFERRED|IMMEDIATE|EXCLUSIVE))?( TRANSACTION)?$/
export const COMMIT = /^(COMMIT|END)( TRANSACTION)?$/

/** Returns whether a semicolon after these tokens ends the statement; one within a trigger doesn't. */
export function ends(sql: string, list: readonly Token[]): boolean {
  const [a, b, c] = [0, 1, 2].map((i) => word(sql, list[i]))
  const isTrigger = a === 'CREATE' && (b === 'TRIGGER' || ((b === 'TEMP' || b === 'TEMPORARY') && c === 'TRIGGER'))
  return !isTrigger || (word(sql, list.at(-1)) === 'END' && list.at(-2)?.kind === 'semicolon')
}

/** Returns a name in SQL as SQLite compares it. */
export const nameIn = (text: string) =>
  parseIdentifier(text, { kind: /^["'`[]/.test(text) ? 'quoted' : 'word', start: 0, end: text.length })
