import { formatCount } from '@persql/endpoint-spec'
import { lower } from '../../../sqlite/identifiers.ts'
import type { Candidate } from './candidates.ts'
import type { Mention } from './column-usage.ts'
import type { Gain } from './trial-result.ts'

const DOES = {
  equal: 'filter by',
  range: 'filter by',
  order: 'sort by',
  group: 'group by',
} as const satisfies Record<Mention['role'], string>

/** Additional facts for the reason of a suggestion. */
interface Circumstances {
  /** Whether the statement scans the table now. */
  readonly scans: boolean
  /** Other indexes that the measured gain requires. */
  readonly others: readonly Candidate[]
  /** Number of copied rows if the copy was only a sample of the table. */
  readonly copied: number | undefined
}

/** Formats the reason for a suggested index. */
export function formatReason(
  { table, terms }: Candidate,
  gains: readonly Gain[],
  mentions: readonly Mention[],
  { scans, others, copied }: Circumstances,
): string {
  const one = gains.length === 1
  const before = number(sum(gains.map((gain) => gain.before)))
  const after = formatCount(sum(gains.map((gain) => gain.after)), 'row')
  const queries = one ? '1 query' : `${number(gains.length)} queries`
  const use = purpose(listColumns(terms), mentions)
  const now = scans
    ? `${queries} ${one ? 'scans' : 'scan'} the whole table "${table}" to ${use}`
    : `${queries} could ${use} in "${table}" first`
  const beside = others.map((other) => `on "${other.table}" (${listColumns(other.terms).join(', ')})`)
  const which = beside.length > 0 ? `this index and the one ${listed(beside)}` : 'this index'
  const then = `with ${which}, ${one ? 'it reads' : 'they read'} ${after} instead of ${before}`
  const sampled = copied === undefined ? '' : ` Measured on a sample of ${formatCount(copied, 'row')}.`
  return `${now}; ${then}.${sampled} Each insert into "${table}" writes one more row.`
}

/** Formats the purpose of an index, such as `find rows by a and b and sort by c`. */
function purpose(columns: readonly string[], mentions: readonly Mention[]): string {
  const byUse = new Map<string, string[]>()
  for (const column of columns) {
    const roles = mentions.filter((mention) => mention.column === lower(column)).map(({ role }) => role)
    const role = (['equal', 'range', 'order', 'group'] as const).find((one) => roles.includes(one)) ?? 'equal'
    byUse.set(DOES[role], [...(byUse.get(DOES[role]) ?? []), column])
  }
  return [...byUse].map(([use, names]) => `${use} ${listed(names)}`).join(' and ')
}

const listColumns = (terms: Candidate['terms']) => terms.map(({ column }) => column)
const listed = (names: readonly string[]) =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
const number = (n: number) => n.toLocaleString('en-US')
