import { wordsOf } from '../search-terms.ts'
import { RESERVED } from './reserved-words.ts'
import { columnRule, type Found, listed, type Patient, type Rule } from './rule.ts'
import { columnStyle, isOdd, namesByStyle, styleOf } from './styles.ts'

const VAGUE =
  /^(data|datum|info|misc|stuff|things?|tmp|temp|temporary|test|foo|bar|baz|qux|dummy|unknown|val|values?|num|str|obj|flags?|(col|column|field|attr|param|table|data|value|val|tmp|extra|custom)_?\d+|[a-z])$/i

/** Columns that stand in for a name, such as those of a table of settings. */
const NAMERS = new Set(['key', 'name', 'code', 'label', 'metric', 'setting', 'field', 'property', 'attribute', 'unit'])

function* ambiguous({ table, noteOf }: Patient): Iterable<Found> {
  if (VAGUE.test(table.name) && !noteOf(table.name))
    yield { what: `The name "${table.name}" says nothing of the rows.` }
  const names = new Set(table.columns.map(({ name }) => name.toLowerCase()))
  const isPair = table.columns.some(({ name }) => wordsOf(name).some((word) => NAMERS.has(word)))
  for (const { name } of table.columns) {
    if (!VAGUE.test(name) || noteOf(table.name, name)) continue
    if (isPair && /^(value|val)s?$/i.test(name)) continue
    if (/^[xyz]$/i.test(name) && names.has('x') && names.has('y')) continue
    yield { column: name, what: `The name "${name}" says nothing of what is in the column.` }
  }
}

function* mixedStyles({ table, styles }: Patient): Iterable<Found> {
  const [few, many] = namesByStyle(table)
  if (few.length > 0) {
    yield { what: `Columns are named in two styles: ${listed(few.slice(0, 5))} beside ${listed(many.slice(0, 3))}.` }
  } else if (isOdd(columnStyle(table), styles.columns)) {
    yield {
      what: `Columns such as ${listed(many.slice(0, 1))} are in ${columnStyle(table)}, those of most others are not.`,
    }
  }
  if (isOdd(styleOf(table.name), styles.tables)) {
    yield { what: `The table's name is in ${styleOf(table.name)}, those of most others are not.` }
  }
}

function* named(patient: Patient, is: (name: string) => boolean, what: (name: string) => string): Iterable<Found> {
  const { table } = patient
  if (is(table.name)) yield { what: what(table.name) }
  for (const { name } of table.columns) if (is(name)) yield { column: name, what: what(name) }
}

/** Rules about names and declared types. */
export const nameRules: readonly Rule[] = [
  {
    id: 'ambiguous_name',
    severity: 'warning',
    why: 'Who has only the schema to go by has to guess its meaning. Rename it, or describe it.',
    find: ambiguous,
  },
  {
    id: 'inconsistent_naming',
    severity: 'info',
    why: 'Names are then guessed in the wrong style, and the statement fails. Keep to one.',
    find: mixedStyles,
  },
  {
    id: 'reserved_word_as_name',
    severity: 'warning',
    why: 'Without quotes it is a syntax error, and quotes are easily forgotten. Rename it.',
    find: (patient) =>
      named(
        patient,
        (name) => RESERVED.has(name.toLowerCase()),
        (name) => `"${name}" is a word of SQL.`,
      ),
  },
  {
    id: 'name_needs_quotes',
    severity: 'info',
    why: 'Without quotes it is a syntax error or something else than meant. Letters, digits and underscores need none.',
    find: (patient) =>
      named(
        patient,
        (name) => !/^[\p{L}_][\p{L}\p{M}\p{N}_]*$/u.test(name),
        (name) => `The name "${name}" can only be written in quotes.`,
      ),
  },
  columnRule(
    {
      id: 'column_without_type',
      severity: 'info',
      why: 'SQLite then takes anything, and nobody can tell what is meant to be there. Declare one.',
    },
    ({ type, name, generated }, { table }) =>
      type === '' && !generated && !table.virtual && { what: `"${name}" has no declared type.` },
  ),
  columnRule(
    {
      id: 'misleading_type',
      severity: 'warning',
      why: 'SQLite knows types by parts of their names, so values are converted unasked. Declare TEXT or REAL.',
    },
    ({ type, name }, { table }) => {
      if (table.virtual) return false
      if (/int/i.test(type) && /point|interval/i.test(type)) {
        return { what: `"${name}" is declared ${type}, which SQLite takes for INTEGER because of the "INT" in it.` }
      }
      const isNumeric = !/int|char|clob|text|blob|real|floa|doub/i.test(type)
      return (
        isNumeric &&
        /string|uuid|guid|phone|zip|url/i.test(type) && {
          what: `"${name}" is declared ${type}, which SQLite takes for NUMERIC: '007' becomes 7.`,
        }
      )
    },
  ),
]
