import { splitWords } from '../search-terms.ts'
import { type Rule, valueRule } from './rule-types.ts'
import type { ColumnSample } from './sample.ts'

interface Format {
  readonly name: string
  readonly pattern: RegExp
  /** Whether the text sorts by time and SQLite's date functions accept it. */
  readonly iso: boolean
  readonly local: boolean
}

const DAY = String.raw`\d{4}-\d\d-\d\d`
const TIME = String.raw`\d\d:\d\d(?::\d\d(?:\.\d+)?)?`
const ZONE = String.raw` ?(?:Z|[+-]\d\d:?\d\d)`
const MONTH = String.raw`(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?`
const format = (name: string, pattern: string, iso = false, local = false): Format => ({
  name,
  pattern: new RegExp(`^${pattern}$`, 'i'),
  iso,
  local,
})
const FORMATS: readonly Format[] = [
  format('YYYY-MM-DD', DAY, true),
  format('YYYY-MM-DDTHH:MM:SSZ', `${DAY}T${TIME}${ZONE}`, true),
  format('YYYY-MM-DDTHH:MM:SS', `${DAY}T${TIME}`, true, true),
  format('YYYY-MM-DD HH:MM:SSZ', `${DAY} ${TIME}${ZONE}`, true),
  format('YYYY-MM-DD HH:MM:SS', `${DAY} ${TIME}`, true, true),
  format('YYYY/MM/DD', String.raw`\d{4}/\d{1,2}/\d{1,2}(?: .*)?`),
  format('DD/MM/YYYY or MM/DD/YYYY', String.raw`\d{1,2}/\d{1,2}/(?:\d{4}|\d\d)(?: .*)?`),
  format('DD.MM.YYYY', String.raw`\d{1,2}\.\d{1,2}\.\d{4}(?: .*)?`),
  format('DD-MM-YYYY', String.raw`\d{1,2}-\d{1,2}-\d{4}(?: .*)?`),
  format(
    'text with month names',
    String.raw`(?:[a-z]{3,9},? )?(?:${MONTH} \d{1,2}(?:st|nd|rd|th)?,? \d{4}|\d{1,2}\.? ${MONTH},? \d{4})(?: .*)?`,
  ),
]
const EPOCH = format('seconds or milliseconds since 1970', String.raw`\d{10}|\d{13}`)

const isTimeName = (name: string) =>
  ['at', 'on', 'date', 'time', 'timestamp', 'day', 'birthday', 'ts'].includes(splitWords(name).at(-1) ?? '')

/** Returns the date formats of a text column, most frequent first, or `undefined` if the column has no dates. */
function detectFormats(name: string, { texts }: ColumnSample): Format[] | undefined {
  const filled = texts.filter((text) => text !== '')
  const counts = new Map<Format, number>()
  const known = isTimeName(name) ? [...FORMATS, EPOCH] : FORMATS
  let dates = 0
  for (const text of filled) {
    const found = known.find(({ pattern }) => pattern.test(text))
    if (!found) continue
    counts.set(found, (counts.get(found) ?? 0) + 1)
    dates++
  }
  if (dates === 0 || dates < filled.length * (isTimeName(name) ? 0.5 : 0.9)) return undefined
  return [...counts].sort((a, b) => b[1] - a[1]).map(([format]) => format)
}

/** Rules about dates and times. */
export const dateRules: readonly Rule[] = [
  valueRule(
    {
      id: 'dates_as_text_in_several_formats',
      severity: 'warning',
      why: "These text formats don't compare or sort by time, so range queries miss rows. Store all values as YYYY-MM-DDTHH:MM:SSZ, or all as YYYY-MM-DD.",
    },
    (values, { name }) => {
      const formats = detectFormats(name, values)
      return (
        formats && formats.length > 1 && `"${name}" mixes date formats: ${formats.map((one) => one.name).join(', ')}.`
      )
    },
  ),
  valueRule(
    {
      id: 'dates_not_sortable',
      severity: 'warning',
      why: "Dates in this format don't sort by time, and SQLite's date functions return NULL. Use YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ.",
    },
    (values, { name }) => {
      const formats = detectFormats(name, values)
      return formats?.length === 1 && !formats[0]?.iso && `"${name}" stores dates as ${formats[0]?.name}.`
    },
  ),
  valueRule(
    {
      id: 'dates_without_timezone',
      severity: 'info',
      why: 'Readers assume different time zones. Append Z for UTC, or document the zone in the description.',
    },
    (values, column, { findNote, table }) => {
      // CURRENT_TIMESTAMP and datetime('now') are UTC by definition, without a suffix in the value.
      if (/current_timestamp|datetime|strftime/i.test(column.default ?? '')) return false
      if (splitWords(column.name).some((word) => word === 'utc' || word === 'local')) return false
      if (/utc|gmt|zone|local/i.test(findNote(table.name, column.name) ?? '')) return false
      const local = detectFormats(column.name, values)?.find((one) => one.local)
      return local && `"${column.name}" stores times as ${local.name}, without a time zone.`
    },
  ),
  valueRule(
    {
      id: 'timestamps_in_several_units',
      severity: 'warning',
      why: 'These values compare as if they had the same unit, but differ by a factor of 1,000. Convert them to one unit and put it in the column name.',
    },
    ({ integers }, { name }) =>
      isTimeName(name) &&
      integers.some((value) => /^\d{9,10}$/.test(value)) &&
      integers.some((value) => /^\d{12,13}$/.test(value)) &&
      `"${name}" mixes seconds and milliseconds since 1970.`,
  ),
]
