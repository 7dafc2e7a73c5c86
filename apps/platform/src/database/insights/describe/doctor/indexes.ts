import { lower } from '../../../../sqlite/identifiers.ts'
import { indexName, indexSql } from '../../index-advisor/index-sql.ts'
import { type Index, type Table, termNames } from '../model.ts'
import { columnRule, isRowid, listed, type Rule, type RuleFinding, same, type TableUnderTest } from './rule-types.ts'

function* withoutIndex({ table, taken }: TableUnderTest): Iterable<RuleFinding> {
  if (table.virtual) return
  const seen = new Set<string>()
  for (const { columns, table: parent } of table.foreignKeys) {
    const key = JSON.stringify(columns.map(lower))
    if (seen.has(key) || isIndexed(table, columns)) continue
    seen.add(key)
    yield {
      ...(columns.length === 1 && { column: columns[0] as string }),
      what: `Foreign key ${listed(columns)} → "${parent}" has no index.`,
      fix: fixFor(table.name, columns, taken),
    }
  }
}

/** Returns whether an index starts with these columns, in any order. A partial index that excludes only NULL counts. */
function isIndexed(table: Table, columns: readonly string[]): boolean {
  const [first] = columns
  const column = table.columns.find(({ name }) => same(name, first ?? null))
  if (columns.length === 1 && column && isRowid(table, column)) return true
  return table.indexes.some(({ terms, partial, sql }) => {
    const start = terms.slice(0, columns.length).map(({ name }) => name)
    if (!columns.every((column) => start.some((name) => same(name, column)))) return false
    return !partial || (columns.length === 1 && leavesOutNull(sql ?? '', first as string))
  })
}

function leavesOutNull(sql: string, column: string): boolean {
  const condition = /\bwhere\s+(.*?)\s+is\s+not\s+null\s*$/is.exec(sql)?.[1]
  return condition !== undefined && same(condition.replace(/^["`[]|["`\]]$/g, ''), column)
}

function fixFor(table: string, columns: readonly string[], taken: Set<string>): string {
  const candidate = { table, terms: columns.map((column) => ({ column, descending: false })) }
  const name = indexName(candidate, taken)
  taken.add(name)
  return indexSql(name, candidate)
}

function* duplicates({ table }: TableUnderTest): Iterable<RuleFinding> {
  for (const [i, index] of table.indexes.entries()) {
    if (index.sql === null || index.unique || index.partial || index.terms.some(({ name }) => name === null)) continue
    const [only, ...others] = index.terms
    const key = others.length === 0 && table.columns.find((column) => same(column.name, only?.name ?? null))
    const other = table.indexes.find((other, j) => other !== index && covers(other, index, j < i))
    const by = key && isRowid(table, key) ? 'the primary key' : other && `"${other.name}"`
    if (by) yield { what: `The index "${index.name}" is redundant: ${by} covers it.` }
  }
}

/** Returns whether `other` makes `index` redundant. Of two equal indexes, the later one is redundant. */
function covers(other: Index, index: Index, earlier: boolean): boolean {
  if (other.partial || other.terms.length < index.terms.length) return false
  if (other.terms.length === index.terms.length && !other.unique && !earlier) return false
  return index.terms.every(({ name, descending, collation }, i) => {
    const term = other.terms[i]
    return term && same(term.name, name) && term.descending === descending && term.collation === collation
  })
}

/** Rules about indexes and uniqueness. */
export const indexRules: readonly Rule[] = [
  {
    id: 'foreign_key_without_index',
    severity: 'warning',
    why: 'Joins, and each delete in the parent table, scan this whole table, and those reads are billed. Creating an index writes one row per existing row.',
    find: withoutIndex,
  },
  {
    id: 'duplicate_index',
    severity: 'info',
    why: 'A redundant index uses storage and adds a written row to each insert. Drop it, unless a statement names it in INDEXED BY.',
    find: duplicates,
  },
  {
    id: 'nullable_unique',
    severity: 'info',
    why: 'NULLs are never equal in a UNIQUE constraint, so duplicates are possible and an upsert adds a row instead of updating one. Declare the column NOT NULL.',
    *find({ table, sample }): Iterable<RuleFinding> {
      for (const { unique, partial, terms } of table.indexes) {
        if (!unique || partial) continue
        for (const { name } of terms) {
          const column = table.columns.find((one) => one.name === name)
          if (!column || column.notNull || column.primaryKey > 0 || column.generated) continue
          // A unique index on one nullable column is usually intended; on several columns it rarely is.
          const nulls = sample?.columns.get(column.name)?.nulls ?? 0
          if (terms.length > 1 || nulls > 1) {
            yield {
              column: column.name,
              what: `${listed(termNames(terms))} is unique, but "${column.name}" can be NULL.`,
            }
          }
        }
      }
    },
  },
  columnRule(
    {
      id: 'missing_not_null',
      severity: 'info',
      why: 'Queries must handle a case that never occurs. Declare the column NOT NULL.',
    },
    (column, { table, sample }) => {
      const values = sample?.columns.get(column.name)
      if (!sample?.complete || sample.rows < 10 || !values || values.nulls > 0) return false
      if (column.notNull || column.primaryKey > 0 || isRowid(table, column)) return false
      return (
        OBVIOUS.test(column.name) && {
          what: `"${column.name}" can be NULL, but isn't in any of ${sample.rows} sampled rows.`,
        }
      )
    },
  ),
]

const OBVIOUS = /^(created_?at|name|title|email|status|state|type|kind|slug|amount|quantity)$/i
