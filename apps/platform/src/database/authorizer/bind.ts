import type { Statement } from '../../sqlite/tokenizer.ts'

const BEFORE = '(+CAST('
const AFTER = ' AS INTEGER))'
const RESTORE = /\(\+CAST\((\?\d*|[:@][\w$\u0080-\uffff]+) AS INTEGER\)\)/g

/**
 * Wraps placeholders with integer parameters in a cast. The runtime binds every JavaScript number as REAL: `SELECT
 * typeof(?)` with 1 would return 'real', 7 stored in a TEXT column would read '7.0', and `? / 2` would not be an
 * integer division. The unary plus removes the cast's affinity, so that comparisons and the use of indexes are those of
 * a bound integer.
 * @param isInteger whether the n-th parameter (from 0) is an integer
 */
export function castIntegers(statement: Statement, isInteger: (index: number) => boolean): string {
  const { text, placeholders } = statement
  const numbers = numbering(text, placeholders)
  let out = ''
  let from = 0
  placeholders.forEach(([start, end], i) => {
    if (!isInteger((numbers[i] as number) - 1)) return
    out += text.slice(from, start) + BEFORE + text.slice(start, end) + AFTER
    from = end
  })
  return out + text.slice(from)
}

/** Removes the cast from the names of result columns: `SELECT ?` names its column `?`. */
export function restoreNames(columns: readonly string[]): string[] {
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
