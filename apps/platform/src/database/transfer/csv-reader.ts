import { formatCount } from '@persql/endpoint-spec'
import { lower, quoteName } from '../../sqlite/identifiers.ts'
import { type Column, inferType, type Kind, kindOfField, literalOfField, rowOfCells } from './csv-values.ts'
import { assertDistinct, excerpt, importFailed } from './import-errors.ts'
import type { ImportStepBuilder, Reader } from './import-steps.ts'

const MAX_CHARACTERS = 8_000_000

/** The target table of a file's rows. */
export interface Target {
  readonly table: string
  /** The columns of an existing table; `undefined` for a new one. */
  readonly columns: readonly Column[] | undefined
}

/** Reads CSV (RFC 4180) whose first line contains the column names. */
export class CsvReader implements Reader {
  readonly #steps: ImportStepBuilder
  readonly #target: Target
  #text = ''
  #at = 0
  #line = 1
  #wanted = 0
  #columns: { readonly column: Column; readonly kinds: Set<Kind> }[] | undefined
  #into = ''

  constructor(steps: ImportStepBuilder, target: Target) {
    this.#steps = steps
    this.#target = target
  }

  add(text: string): void {
    this.#text = this.#text.slice(this.#at) + text
    this.#at = 0
    if (this.#text.length < this.#wanted) return
    while (this.#record(false));
    const left = this.#text.length - this.#at
    this.#wanted = left > 10_000 ? left * 2 : 0
    if (left > MAX_CHARACTERS)
      throw importFailed(
        this.#line,
        `The record that starts here exceeds ${MAX_CHARACTERS.toLocaleString('en-US')} characters.`,
      )
  }

  end(): void {
    while (this.#at < this.#text.length && this.#record(true));
    if (!this.#columns) throw importFailed(1, 'The file is empty. The first line must contain column names.')
  }

  /** Returns the statement that creates the table, to be run first; `undefined` if the table exists. */
  creation(): string | undefined {
    if (this.#target.columns) return undefined
    const columns = (this.#columns ?? []).map(
      ({ column, kinds }) => `${quoteName(column.name)} ${inferType(kinds, 'TEXT')}`,
    )
    return `CREATE TABLE ${quoteName(this.#target.table)} (${columns.join(', ')})`
  }

  #record(isEnd: boolean): boolean {
    const text = this.#text
    const fields: string[] = []
    const quoted: boolean[] = []
    let lines = 0
    let i = this.#at
    for (;;) {
      if (text.charCodeAt(i) === 34) {
        const from = i + 1
        let doubled = false
        for (i = from; ; i += 2) {
          i = text.indexOf('"', i)
          if (i < 0 || (i + 1 >= text.length && !isEnd)) {
            if (isEnd) throw importFailed(this.#line + lines, 'Unterminated quoted field.')
            return false
          }
          if (text.charCodeAt(i + 1) !== 34) break
          doubled = true
        }
        const inner = text.slice(from, i)
        for (let at = inner.indexOf('\n'); at >= 0; at = inner.indexOf('\n', at + 1)) lines++
        fields.push(doubled ? inner.replaceAll('""', '"') : inner)
        quoted.push(true)
        i++
        if (text.charCodeAt(i) === 13 && (text.charCodeAt(i + 1) === 10 || i + 1 >= text.length)) {
          if (i + 1 >= text.length && !isEnd) return false
          i++
        }
        const c = text.charCodeAt(i)
        if (c !== 44 && c !== 10 && i < text.length)
          throw importFailed(
            this.#line + lines,
            `Unexpected text after quoted field ${fields.length}: "${excerpt(text.slice(i, i + 20))}".`,
          )
      } else {
        const from = i
        while (i < text.length && text.charCodeAt(i) !== 44 && text.charCodeAt(i) !== 10) i++
        const end = i > from && text.charCodeAt(i - 1) === 13 && text.charCodeAt(i) !== 44 ? i - 1 : i
        fields.push(text.slice(from, end))
        quoted.push(false)
      }
      if (i >= text.length && !isEnd) return false
      if (text.charCodeAt(i) === 44) {
        i++
        continue
      }
      this.#take(fields, quoted)
      this.#line += lines + 1
      this.#at = Math.min(i + 1, text.length)
      return true
    }
  }

  #take(fields: readonly string[], quoted: readonly boolean[]): void {
    const columns = this.#columns
    if (!columns) {
      this.#header(fields)
      return
    }
    if (fields.length !== columns.length) {
      // For a single column, an empty line is a row with NULL; for several columns it is skipped.
      if (fields.length === 1 && fields[0] === '' && !quoted[0]) return
      throw importFailed(
        this.#line,
        `Expected ${formatCount(columns.length, 'field')}, as in the first line, but got ${fields.length}.`,
      )
    }
    const literals = fields.map((field, i) => {
      const { column, kinds } = columns[i] as (typeof columns)[number]
      const kind = kindOfField(field, quoted[i] as boolean)
      if (kind) kinds.add(kind)
      return literalOfField(field, quoted[i] as boolean, column.takesNumbers)
    })
    this.#steps.anyRow(this.#into, rowOfCells(literals), this.#line)
  }

  #header(fields: readonly string[]): void {
    const { table, columns: known } = this.#target
    if (fields.length === 1 && fields[0] === '')
      throw importFailed(this.#line, 'This line is empty. It must contain column names.')
    if (fields.includes('')) throw importFailed(this.#line, 'Missing column name.')
    assertDistinct(fields, fields.map(lower), this.#line)
    this.#columns = fields.map((name) => {
      const column = known ? known.find((each) => lower(each.name) === lower(name)) : { name, takesNumbers: false }
      if (!column)
        throw importFailed(this.#line, `Table "${table}" has no column "${excerpt(name)}".`, { column: excerpt(name) })
      return { column, kinds: new Set() }
    })
    this.#into = `INSERT INTO ${quoteName(table)} (${this.#columns.map(({ column }) => quoteName(column.name)).join(', ')}) VALUES `
  }
}
