import { PerSQLError } from '@persql/contract'
import type { Statement } from '../../sqlite/tokenizer.ts'
import { utf8Length } from '../../sqlite/walk.ts'
import { MAX_SQL_BYTES } from '../calls/sql-length.ts'
import { type Bound, isReal, type SqlValue } from '../calls/values.ts'

// The runtime binds at most 100 variables. A statement with more parameters gets its values in up to 100 JSON arrays,
// and reads each of them with `->>`, which returns the exact type and has no affinity, like a bound value. Short arrays
// matter: SQLite goes through an array from its start for each value that it reads.

/** The maximum number of variables that the runtime binds. */
export const MAX_VARIABLES = 100

/** How the values are divided into arrays, with the placeholders by number (from 1) to restore column names. */
export interface JsonLayout {
  /** The number of values in each array. */
  readonly size: number
  /** The different placeholders of each number. The n-th one is written with n spaces, to distinguish them. */
  readonly placeholders: readonly (readonly string[])[]
}

/** Returns the layout of a statement with this many parameters. */
export function createLayout(
  { text, placeholders }: Pick<Statement, 'text' | 'placeholders'>,
  numbers: readonly number[],
  count: number,
): JsonLayout {
  const texts: string[][] = Array.from({ length: count + 1 }, () => [])
  for (const [i, [start, end]] of placeholders.entries()) {
    const known = texts[numbers[i] as number]
    const placeholder = text.slice(start, end)
    if (known && !known.includes(placeholder)) known.push(placeholder)
  }
  return { size: Math.ceil(count / MAX_VARIABLES), placeholders: texts }
}

/**
 * Replaces all placeholders by expressions that read the arrays.
 * @throws PerSQLError `statement_too_long` if the result is longer than SQLite's limit
 */
export function readFromJson(
  { text, placeholders }: Pick<Statement, 'text' | 'placeholders'>,
  numbers: readonly number[],
  { size, placeholders: texts }: JsonLayout,
  params: readonly Bound[],
): string {
  let out = ''
  let from = 0
  for (const [i, [start, end]] of placeholders.entries()) {
    const number = numbers[i] as number
    // SQLite refuses ?0.
    if (number === 0) continue
    const spaces = ' '.repeat((texts[number] as string[]).indexOf(text.slice(start, end)))
    const [slot, index] = [Math.floor((number - 1) / size) + 1, (number - 1) % size]
    const blob = params[number - 1] instanceof Uint8Array ? 'unhex' : ''
    out += `${text.slice(from, start)}${blob}(?${slot}->>${spaces}${index})`
    from = end
  }
  const sql = out + text.slice(from)
  if (sql.length > MAX_SQL_BYTES / 3 && utf8Length(sql) > MAX_SQL_BYTES) throw tooLong(texts.length - 1)
  return sql
}

/** Returns the arrays. */
export function toJsonArrays({ size }: JsonLayout, params: readonly Bound[], count: number): SqlValue[] {
  const arrays: string[] = []
  for (let from = 0; from < count; from += size) {
    const values = Array.from({ length: Math.min(size, count - from) }, (_, i) => toJson(params[from + i] ?? null))
    arrays.push(`[${values.join()}]`)
  }
  return arrays
}

/** Restores the placeholders in the names of result columns. */
export function restoreFromJson(columns: readonly string[], { size, placeholders }: JsonLayout): string[] {
  return columns.map((name) =>
    name.includes('->>')
      ? name.replace(READ, (read, slot: string, spaces: string, index: string) => {
          const number = (Number(slot) - 1) * size + Number(index) + 1
          return placeholders[number]?.[spaces.length] ?? read
        })
      : name,
  )
}

const READ = /(?:unhex)?\(\?(\d+)->>( *)(\d+)\)/g

function toJson(value: Bound): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}`
  if (typeof value === 'number') return Number.isSafeInteger(value) ? `${value}` : toRealText(value)
  if (value instanceof Uint8Array) return `"${value.toHex()}"`
  return isReal(value) ? toRealText(value.value) : 'null'
}

/** Returns a number as SQLite reads a REAL, with the digits that identify it. */
function toRealText(value: number): string {
  if (Number.isNaN(value)) return 'null'
  if (!Number.isFinite(value)) return value > 0 ? '9e999' : '-9e999'
  if (Object.is(value, -0)) return '-0.0'
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : `${value}`
}

function tooLong(count: number): PerSQLError {
  const message = `A statement can have at most 100,000 bytes, and its ${count.toLocaleString('en-US')} parameters take about 12 bytes each.`
  const hint = 'Write fewer rows with each statement, or send one JSON array and read it with json_each().'
  return new PerSQLError(
    'statement_too_long',
    {},
    { extra: { errorDetail: { kind: 'limit_exceeded', message, hint } } },
  )
}
