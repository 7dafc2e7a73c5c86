import type { SqlErrorDetail } from '@persql/contract'
import { lower } from '../../sqlite/identifiers.ts'
import { parseIdentifier, tokens, word } from '../../sqlite/tokenizer.ts'
import { TOO_MANY_PARAMETERS } from '../authorizer/parameters.ts'

/** A feature that SQLite or the runtime doesn't support, with the alternative. */
export interface Refusal {
  readonly kind: SqlErrorDetail['kind']
  readonly message: string
  readonly hint?: string
}

/** Limits of the runtime, listed in docs/reference/limits.md. */
const LIMITS: readonly (readonly [RegExp, string, string?])[] = [
  [/^statement too long$/, 'A statement can have at most 100,000 bytes.', 'Send long values as parameters.'],
  [
    /^too many terms in compound SELECT$/,
    'A compound SELECT can have at most 5 terms (UNION, INTERSECT, EXCEPT).',
    'Use VALUES for constant rows, put groups of up to 5 terms into WITH clauses, or send several statements.',
  ],
  [
    /^LIKE or GLOB pattern too complex$/,
    'A LIKE or GLOB pattern can have at most 50 bytes.',
    'Use instr(text, part) > 0, compare with substr(), or use an FTS5 table.',
  ],
  [
    /^too many columns on (.+)$/,
    'A table can have at most 100 columns.',
    'Split it into several tables, or store several values in one JSON column.',
  ],
  [
    /^too many columns in result set$/,
    'A result can have at most 100 columns.',
    'Select fewer columns, or build JSON with json_object().',
  ],
  [/^too many columns in (.+)$/, 'A column list can have at most 100 entries.'],
  [
    /^(too many terms in (ORDER|GROUP) BY clause|(ORDER|GROUP) BY term too many)$/,
    'ORDER BY and GROUP BY can have at most 100 terms.',
  ],
  [/^Expression tree is too large/, 'An expression can have at most 100 levels.', 'Use IN (…) for long lists of OR.'],
  [/^parser stack overflow$|^Recursion limit$/, 'The statement is nested too deeply.', 'Use WITH clauses.'],
  [/^too many arguments on function (.+)$/, 'A function can have at most 127 arguments.'],
  [/^at most 64 tables in a join$/, 'A join can have at most 64 tables.'],
  [/^too many FROM clause terms/, 'A FROM clause can have at most 200 terms.'],
  [/^too many references to /, 'A statement can refer to a table at most 65,535 times.'],
  [/^string or blob too big$/, 'A value or a row can have at most 8 MiB.', 'Store large values in several rows.'],
  [
    /^triggers nested too deep$|^too many levels of trigger recursion$/,
    'Triggers can be nested at most 10 levels deep.',
  ],
  [/^out of memory$/, 'The statement needs more memory than is available.', 'Split it into smaller statements.'],
]

/** SQLite functions that the runtime doesn't support, with their alternatives. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  ceiling: 'Use ceil().',
  if: 'Use iif() or CASE.',
  json_error_position: 'Use json_valid().',
  json_pretty: 'Format the JSON in your application.',
  log10: 'Use log().',
  load_extension: "Extensions can't be loaded.",
  median: 'Order the values with row_number() and take the middle one.',
  percentile: 'Order the values with row_number() and take the one at that position.',
  power: 'Use pow().',
  regexp: 'Use LIKE, GLOB or an FTS5 table.',
  unistr: 'Use char() with code points.',
  unistr_quote: 'Use quote().',
  uuid: 'Use hex(randomblob(16)), or send an ID as a parameter.',
  generate_series: 'Use a recursive WITH clause.',
}
const ALL_FUNCTIONS = 'See /docs/reference/sql.md on this server for the supported functions.'
const ALL_SQL = 'See /docs/reference/sql.md on this server.'
const MODULES = 'Available modules: fts5, fts5vocab, rtree, rtree_i32.'
const SCHEMA_TABLES = /^table (sqlite_\w+) may not be modified$/

/** Explains a refusal of SQLite that is unclear without knowledge of its C API; `undefined` for clear messages. */
export function explainRefusal(message: string, sql: string): Refusal | undefined {
  for (const [pattern, limit, hint] of LIMITS) {
    if (pattern.test(message)) return { kind: 'limit_exceeded', message: hint ? `${limit} ${hint}` : limit }
  }
  if (/^too many SQL variables$|^variable number must be between/.test(message)) {
    return { kind: 'too_many_params', message: TOO_MANY_PARAMETERS }
  }
  const [, missing, name] = /^(not authorized to use|no such) function: (.+)$/.exec(message) ?? []
  if (name !== undefined && (missing !== 'no such' || Object.hasOwn(FUNCTIONS, lower(name)))) {
    return unavailable(`The function ${name}() isn't supported.`, hintFor(name))
  }
  const [, hidden] = /^access to (_cf_\w+)(?:\.\w+)? is prohibited$/i.exec(message) ?? []
  if (hidden !== undefined) return runtimeTable(hidden)
  const [, table] = SCHEMA_TABLES.exec(message) ?? []
  if (table !== undefined) {
    return unavailable(`The table "${table}" can't be modified.`, 'Change the schema with CREATE, ALTER and DROP.')
  }
  return message === 'not authorized' ? explainDenial(sql) : undefined
}

/**
 * Explains "not authorized", the runtime's error for every unsupported feature, by finding the feature in the
 * statement.
 */
function explainDenial(sql: string): Refusal {
  const list = [...tokens(sql)]
  const names = list.map((token) => parseIdentifier(sql, token))
  const reserved = list.findIndex(({ kind }, at) => kind !== 'other' && names[at]?.startsWith('_cf_'))
  if (reserved >= 0) return runtimeTable(names[reserved] as string)
  const words = list.slice(0, 4).map((token) => word(sql, token))
  const isTemporary = words.includes('TEMP') || words.includes('TEMPORARY') || names[names.indexOf('.') - 1] === 'temp'
  if (isTemporary) {
    return unavailable(
      "Temporary tables, views and triggers aren't supported, because all callers share one connection.",
      'Use a WITH clause, or a table that you drop when you no longer need it.',
    )
  }
  if (words.includes('VIRTUAL')) {
    const module = names[names.indexOf('using') + 1]
    return unavailable(`The virtual table module "${module}" isn't supported.`, MODULES)
  }
  if (names.includes('load_extension')) {
    return unavailable("The function load_extension() isn't supported.", hintFor('load_extension'))
  }
  const [verb] = words
  if (verb === 'PRAGMA') return unavailable(`PRAGMA ${names[1]} isn't supported.`, ALL_SQL)
  return unavailable(`This ${verb || 'statement'} uses a feature that isn't supported.`, ALL_SQL)
}

const hintFor = (name: string) => (Object.hasOwn(FUNCTIONS, lower(name)) && FUNCTIONS[lower(name)]) || ALL_FUNCTIONS

/** Returns a hint for an unknown table, which can be a table-valued function. */
export const hintForTable = (name: string): string =>
  (Object.hasOwn(FUNCTIONS, lower(name)) && FUNCTIONS[lower(name)]) ||
  'Check the table name. GET …/tables lists all tables.'

const runtimeTable = (name: string) =>
  unavailable(`The name "${name}" is reserved. Names that start with "_cf_" belong to the runtime.`)

function unavailable(fact: string, hint?: string): Refusal {
  return { kind: 'not_available', message: hint ? `${fact} ${hint}` : fact }
}
