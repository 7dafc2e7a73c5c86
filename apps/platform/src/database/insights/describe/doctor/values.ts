import { formatCount } from '@persql/endpoint-spec'
import { splitWords } from '../search-terms.ts'
import { type Rule, valueRule } from './rule-types.ts'
import { type ColumnSample, namesJson } from './sample.ts'

const MONEY =
  /^(price|amount|total|subtotal|cost|costs|balance|fee|fees|salary|wage|tax|vat|revenue|income|expense|payment|discount|refund|deposit|usd|eur|gbp|money)$/
const NOT_MONEY =
  /^(count|rate|ratio|percent|pct|factor|score|hours|minutes|seconds|days|weight|rows|time|distance|kg|km)$/
const isMoney = (name: string) => {
  const words = splitWords(name)
  return words.some((word) => MONEY.test(word)) && !words.some((word) => NOT_MONEY.test(word))
}

const WORDY = new Set(['true', 'false', 'yes', 'no', 'on', 'off'])
const LETTERS = [new Set(['y', 'n']), new Set(['t', 'f'])]

/** Returns the spellings of true and false in a column that contains nothing else. */
function booleans({ texts, integers, reals }: ColumnSample): string[] | undefined {
  if (texts.length === 0 || reals.length > 0) return undefined
  if (integers.some((value) => value !== '0' && value !== '1')) return undefined
  const spelled = [...new Set(texts)]
  if (spelled.length > 12) return undefined
  const folded = new Set(spelled.map((text) => text.toLowerCase()))
  const isPair = LETTERS.some((pair) => folded.size === 2 && [...folded].every((text) => pair.has(text)))
  return isPair || [...folded].every((text) => WORDY.has(text)) ? spelled.sort() : undefined
}

const shown = (values: readonly string[]) => values.map((value) => `'${value}'`).join(', ')

/** Returns different spellings of the same value, in a column with few distinct values. */
function respelled({ texts }: ColumnSample): string[] | undefined {
  const distinct = [...new Set(texts)]
  if (distinct.length > 50 || texts.length < 2 * distinct.length || distinct.some((text) => text.length >= 100))
    return undefined
  const groups = new Map<string, string[]>()
  for (const text of distinct) {
    const folded = text.trim().toLowerCase()
    if (folded !== '') groups.set(folded, [...(groups.get(folded) ?? []), text])
  }
  return [...groups.values()].find((group) => group.length > 1)?.sort()
}

/** Rules about the values in a sample of the rows. */
export const valueRules: readonly Rule[] = [
  valueRule(
    {
      id: 'mixed_types_in_column',
      severity: 'warning',
      why: 'Values of different types are never equal and sort separately, so filters and sums miss rows. Convert them to one type.',
    },
    ({ texts, integers, reals, blobs }, { name, type }) => {
      const kinds = [
        [texts.length, 'text'],
        [integers.length + reals.length, 'numbers'],
        [blobs, 'bytes'],
      ] as const
      const present = kinds.filter(([count]) => count > 0)
      if (present.length > 1) {
        return `"${name}" mixes types in the sampled rows: ${present.map(([count, kind]) => `${kind} (${count})`).join(' and ')}.`
      }
      const fractions = /int/i.test(type) && reals.some((value) => !/\.0$/.test(value))
      return fractions && `"${name}" is declared ${type} but contains fractions.`
    },
  ),
  valueRule(
    {
      id: 'boolean_as_text',
      severity: 'warning',
      why: "In a condition, SQLite treats such text as false, even 'true'. Store 0 and 1.",
    },
    (values, { name }) => {
      const spelled = booleans(values)
      return spelled && `"${name}" stores booleans as text: ${shown(spelled)}.`
    },
  ),
  valueRule(
    {
      id: 'same_value_spelled_differently',
      severity: 'warning',
      why: 'A filter for one spelling misses the others. Use one spelling and enforce it with a CHECK.',
    },
    (values, { name }) => {
      const group = booleans(values) ? undefined : respelled(values)
      return group && `"${name}" spells the same value differently: ${shown(group)}.`
    },
  ),
  valueRule(
    {
      id: 'empty_text_beside_null',
      severity: 'info',
      why: "A query for missing values finds only some of them. Use only NULL or only ''.",
    },
    ({ texts, nulls }, { name }) =>
      nulls > 0 && texts.includes('') && `"${name}" uses both NULL and '' for missing values.`,
  ),
  valueRule(
    {
      id: 'json_invalid',
      severity: 'warning',
      why: 'json_extract and -> fail on invalid values, which makes the whole statement fail. Fix the values and add CHECK (json_valid(…)).',
    },
    ({ json: { checked, invalid }, texts }, { name, type }) => {
      // Text in other columns can start with a bracket without being JSON, so most values must be valid JSON there.
      const meant = namesJson(name, type) || (invalid < checked && checked >= 0.8 * texts.length)
      const invalidValues = `${formatCount(invalid, 'value')} that ${invalid === 1 ? "isn't" : "aren't"} valid JSON`
      return invalid > 0 && meant && `"${name}" contains ${invalidValues}, out of ${checked} checked.`
    },
  ),
  valueRule(
    {
      id: 'money_as_real',
      severity: 'warning',
      why: "Binary fractions can't represent cents exactly, so sums drift. Store whole cents as INTEGER and say so in the name.",
    },
    ({ reals }, { name }) => reals.length > 0 && isMoney(name) && `"${name}" looks like money but is stored as REAL.`,
  ),
  valueRule(
    {
      id: 'id_as_text',
      severity: 'info',
      why: "'10' sorts before '9', and joins with an INTEGER column might not use an index. Declare it INTEGER.",
    },
    ({ texts, integers, reals, blobs }, { name }) => {
      const isId = /^id$|_id$|[a-z]I[dD]$/.test(name)
      const others = integers.length + reals.length + blobs
      return (
        isId &&
        others === 0 &&
        texts.length > 0 &&
        texts.every((text) => /^(0|[1-9]\d{0,17})$/.test(text)) &&
        `"${name}" stores integers as text.`
      )
    },
  ),
]
