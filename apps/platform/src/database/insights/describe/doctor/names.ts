import { splitWords } from '../search-terms.ts'
import { RESERVED } from './reserved-words.ts'
import { columnRule, listed, type Rule, type RuleFinding, type TableUnderTest } from './rule-types.ts'
import { columnStyle, getStyle, isOdd, namesByStyle } from './styles.ts'

const VAGUE =
  /^(data|datum|info|misc|stuff|things?|tmp|temp|temporary|test|foo|bar|baz|qux|dummy|unknown|val|values?|num|str|obj|flags?|(col|column|field|attr|param|table|data|value|val|tmp|extra|custom)_?\d+|[a-z])$/i

/** Columns that name the value of a row, as in a settings table. */
const NAMERS = new Set(['key', 'name', 'code', 'label', 'metric', 'setting', 'field', 'property', 'attribute', 'unit'])

function* ambiguous({ table, findNote }: TableUnderTest): Iterable<RuleFinding> {
  if (VAGUE.test(table.name) && !findNote(table.name))
    yield { what: `The table name "${table.name}" doesn't describe its rows.` }
  const names = new Set(table.columns.map(({ name }) => name.toLowerCase()))
  const isPair = table.columns.some(({ name }) => splitWords(name).some((word) => NAMERS.has(word)))
  for (const { name } of table.columns) {
    if (!VAGUE.test(name) || findNote(table.name, name)) continue
    if (isPair && /^(value|val)s?$/i.test(name)) continue
    if (/^[xyz]$/i.test(name) && names.has('x') && names.has('y')) continue
    yield { column: name, what: `The column name "${name}" doesn't describe its content.` }
  }
}

function* mixedStyles({ table, styles }: TableUnderTest): Iterable<RuleFinding> {
  const [few, many] = namesByStyle(table)
  if (few.length > 0) {
    yield { what: `Column names mix styles: ${listed(few.slice(0, 5))} and ${listed(many.slice(0, 3))}.` }
  } else if (isOdd(columnStyle(table), styles.columns)) {
    yield {
      what: `Columns such as ${listed(many.slice(0, 1))} use ${columnStyle(table)}, unlike most other tables.`,
    }
  }
  if (isOdd(getStyle(table.name), styles.tables)) {
    yield { what: `The table name uses ${getStyle(table.name)}, unlike most others.` }
  }
}

function* named(
  patient: TableUnderTest,
  is: (name: string) => boolean,
  what: (name: string) => string,
): Iterable<RuleFinding> {
  const { table } = patient
  if (is(table.name)) yield { what: what(table.name) }
  for (const { name } of table.columns) if (is(name)) yield { column: name, what: what(name) }
}

/** Rules about names and declared types. */
export const nameRules: readonly Rule[] = [
  {
    id: 'ambiguous_name',
    severity: 'warning',
    why: 'Readers of the schema have to guess the meaning. Rename it, or add a description.',
    find: ambiguous,
  },
  {
    id: 'inconsistent_naming',
    severity: 'info',
    why: 'People and AI models guess names in the wrong style, and their statements fail. Use one style.',
    find: mixedStyles,
  },
  {
    id: 'reserved_word_as_name',
    severity: 'warning',
    why: 'Without quotes, the name is a syntax error. Rename it.',
    find: (patient) =>
      named(
        patient,
        (name) => RESERVED.has(name.toLowerCase()),
        (name) => `"${name}" is an SQL keyword.`,
      ),
  },
  {
    id: 'name_needs_quotes',
    severity: 'info',
    why: 'Without quotes it is a syntax error, or means something else. Use letters, digits and underscores.',
    find: (patient) =>
      named(
        patient,
        (name) => !/^[\p{L}_][\p{L}\p{M}\p{N}_]*$/u.test(name),
        (name) => `The name "${name}" must always be quoted.`,
      ),
  },
  columnRule(
    {
      id: 'column_without_type',
      severity: 'info',
      why: 'Without a type, SQLite accepts any value, and readers have to guess the intended type. Declare a type.',
    },
    ({ type, name, generated }, { table }) =>
      type === '' && !generated && !table.virtual && { what: `"${name}" has no declared type.` },
  ),
  columnRule(
    {
      id: 'misleading_type',
      severity: 'warning',
      why: "SQLite derives a column's type from parts of the type name, so values can be converted. Declare TEXT or REAL.",
    },
    ({ type, name }, { table }) => {
      if (table.virtual) return false
      if (/int/i.test(type) && /point|interval/i.test(type)) {
        return { what: `"${name}" is declared ${type}, which SQLite treats as INTEGER because it contains "INT".` }
      }
      const isNumeric = !/int|char|clob|text|blob|real|floa|doub/i.test(type)
      return (
        isNumeric &&
        /string|uuid|guid|phone|zip|url/i.test(type) && {
          what: `"${name}" is declared ${type}, which SQLite treats as NUMERIC: '007' becomes 7.`,
        }
      )
    },
  ),
]
