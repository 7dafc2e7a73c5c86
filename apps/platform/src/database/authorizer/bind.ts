import type { Statement } from '../../sqlite/tokenizer.ts'
import { type Bound, isReal, type SqlValue } from '../calls/values.ts'
import {
  createLayout,
  type JsonLayout,
  MAX_VARIABLES,
  readFromJson,
  restoreFromJson,
  toJsonArrays,
} from './json-binding.ts'

const BEFORE = '(+CAST('
const AFTER = ' AS INTEGER))'
const RESTORE = /\(\+CAST\((\?\d*|[:@$][\w$\u0080-\uffff]+) AS INTEGER\)\)/g

/** SQL with the values of its variables, as the runtime takes them. */
export interface BoundSql {
  readonly sql: string
  readonly values: readonly SqlValue[]
}

const MAX_VARIANTS = 8

/** Binds values to the parameters of a statement. It caches SQL texts by the positions of integers. */
export class Binder {
  readonly #statement: Statement
  readonly #count: number
  readonly #known = new Map<string, string>()
  readonly #numbers: readonly number[]
  /** How the values become JSON, if the statement has more parameters than the runtime binds. */
  readonly layout: JsonLayout | undefined

  constructor(statement: Statement, count: number) {
    this.#statement = statement
    this.#count = count
    this.#numbers = numbering(statement.text, statement.placeholders)
    if (count > MAX_VARIABLES) this.layout = createLayout(statement, this.#numbers, count)
  }

  /** Returns the SQL to run for these values, by number. @throws PerSQLError `statement_too_long` */
  bind(params: readonly Bound[]): BoundSql {
    if (this.layout) {
      const sql = readFromJson(this.#statement, this.#numbers, this.layout, params)
      return { sql, values: toJsonArrays(this.layout, params, this.#count) }
    }
    let mask = ''
    let any = false
    let isPlain = true
    for (const param of params) {
      const isBig = typeof param === 'bigint'
      const isInteger = isBig || Number.isSafeInteger(param)
      any ||= isInteger
      mask += isInteger ? '1' : '0'
      if (isBig || isReal(param)) isPlain = false
    }
    const values = isPlain ? (params as readonly SqlValue[]) : params.map(toSqlValue)
    if (!any || this.#count === 0) return { sql: this.#statement.text, values }
    let sql = this.#known.get(mask)
    if (sql === undefined) {
      sql = castIntegers(this.#statement, (index) => mask[index] === '1', this.#numbers)
      if (this.#known.size < MAX_VARIANTS) this.#known.set(mask, sql)
    }
    return { sql, values }
  }
}

/** The digits of a bigint become an INTEGER by the cast around its placeholder. */
const toSqlValue = (value: Bound): SqlValue =>
  typeof value === 'bigint' ? `${value}` : isReal(value) ? value.value : (value as SqlValue)

/**
 * Wraps placeholders with integer parameters in a cast. The runtime binds every JavaScript number as REAL: `SELECT
 * typeof(?)` with 1 would return 'real', 7 stored in a TEXT column would read '7.0', and `? / 2` would not be an
 * integer division. The unary plus removes the cast's affinity, so that comparisons and the use of indexes are those of
 * a bound integer.
 * @param isInteger whether the n-th parameter (from 0) is an integer
 */
export function castIntegers(
  { text, placeholders }: Statement,
  isInteger: (index: number) => boolean,
  numbers: readonly number[] = numbering(text, placeholders),
): string {
  let out = ''
  let from = 0
  placeholders.forEach(([start, end], i) => {
    if (!isInteger((numbers[i] as number) - 1)) return
    out += text.slice(from, start) + BEFORE + text.slice(start, end) + AFTER
    from = end
  })
  return out + text.slice(from)
}

/** Restores the names of result columns: `SELECT ?` names its column `?`. */
export function restoreNames(columns: readonly string[], layout?: JsonLayout): string[] {
  if (layout) return restoreFromJson(columns, layout)
  return columns.map((name) => (name.includes(BEFORE) ? name.replace(RESTORE, '$1') : name))
}

/**
 * Returns the parameter number of each placeholder, as SQLite counts: `?` takes the next number, equal names share one.
 */
export function numbering(text: string, placeholders: Statement['placeholders']): number[] {
  const named = new Map<string, number>()
  let highest = 0
  return placeholders.map(([start, end]) => {
    const name = text.slice(start, end)
    let number = name === '?' ? highest + 1 : name[0] === '?' ? Number(name.slice(1)) : named.get(name)
    number ??= highest + 1
    named.set(name, number)
    highest = Math.max(highest, number)
    return number
  })
}
