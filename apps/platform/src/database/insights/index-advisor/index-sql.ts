import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import type { Candidate } from './candidates.ts'

/** Returns the SQL that creates an index with this name. */
export function indexSql(name: string, { table, terms }: Candidate): string {
  const columns = terms.map(({ column, descending }) => quoteName(column) + (descending ? ' DESC' : ''))
  return `CREATE INDEX ${quoteName(name)} ON ${quoteName(table)} (${columns.join(', ')})`
}

/** Returns an unused name that describes the index. */
export function indexName({ table, terms }: Candidate, taken: ReadonlySet<string>): string {
  const words = [table, ...terms.map(({ column }) => column)].map((word) =>
    lower(word).replace(/[^\p{L}\p{N}]+/gu, '_'),
  )
  const name = `idx_${words.join('_')}`.replace(/_+/g, '_').replace(/_$/, '').slice(0, 60)
  for (let i = 1; ; i++) {
    const numbered = i === 1 ? name : `${name}_${i}`
    if (!taken.has(numbered)) return numbered
  }
}
