import { isDeepJson, MAX_JSON_DEPTH } from '../../json-object.ts'
import { lower, quoteName } from '../../sqlite/identifiers.ts'
import type { Target } from './csv-reader.ts'
import { inferType, type Kind, rowOfCells } from './csv-values.ts'
import { assertDistinct, excerpt, importFailed } from './import-errors.ts'
import type { ImportStepBuilder, Reader } from './import-steps.ts'
import { textLiteral } from './row-literals.ts'

const MAX_CHARACTERS = 16_000_000

/** A number with all digits of its source text. */
class Written {
  readonly source: string

  constructor(source: string) {
    this.source = source
  }
}

/** Reads one JSON object per line: column names, and values in the format of parameters. */
export class NdjsonReader implements Reader {
  readonly #steps: ImportStepBuilder
  readonly #target: Target
  readonly #kinds = new Map<string, { readonly name: string; readonly kinds: Set<Kind> }>()
  readonly #intos = new Map<string, string>()
  #text = ''
  #line = 0

  constructor(steps: ImportStepBuilder, target: Target) {
    this.#steps = steps
    this.#target = target
    for (const { name } of target.columns ?? []) this.#kinds.set(lower(name), { name, kinds: new Set() })
  }

  add(text: string): void {
    let from = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      this.#take(this.#text + text.slice(from, end))
      this.#text = ''
      from = end + 1
    }
    this.#text += text.slice(from)
    if (this.#text.length > MAX_CHARACTERS)
      throw importFailed(this.#line + 1, `This line exceeds ${MAX_CHARACTERS.toLocaleString('en-US')} characters.`)
  }

  end(): void {
    this.#take(this.#text)
    if (this.#intos.size === 0) throw importFailed(1, 'The file has no rows. It must contain one JSON object per line.')
  }

  /** Returns the statement that creates the table, to be run first; `undefined` if the table exists. */
  creation(): string | undefined {
    if (this.#target.columns) return undefined
    const columns = [...this.#kinds.values()].map(({ name, kinds }) =>
      `${quoteName(name)} ${inferType(kinds, '')}`.trim(),
    )
    return `CREATE TABLE ${quoteName(this.#target.table)} (${columns.join(', ')})`
  }

  #take(text: string): void {
    this.#line++
    if (text.trim() === '') return
    const row = this.#parsed(text)
    const names = Object.keys(row)
    if (names.length === 0) throw importFailed(this.#line, 'This object has no columns.')
    const key = JSON.stringify(names)
    let into = this.#intos.get(key)
    if (into === undefined) {
      const columns = names.map((name) => quoteName(this.#resolveColumn(name)))
      assertDistinct(names, columns, this.#line)
      into = `INSERT INTO ${quoteName(this.#target.table)} (${columns.join(', ')}) VALUES `
      if (this.#intos.size < 1_000) this.#intos.set(key, into)
    }
    const literals = names.map((name) => this.#literal(name, row[name]))
    this.#steps.anyRow(into, rowOfCells(literals), this.#line)
  }

  #parsed(text: string): Record<string, unknown> {
    if (isDeepJson(text)) throw importFailed(this.#line, `JSON can be nested at most ${MAX_JSON_DEPTH} levels deep.`)
    let value: unknown
    try {
      value = JSON.parse(text, (_key, parsed: unknown, context?: { source?: string }) =>
        typeof parsed === 'number' ? new Written(context?.source ?? String(parsed)) : parsed,
      )
    } catch (cause) {
      throw importFailed(this.#line, `Invalid JSON: ${cause instanceof Error ? cause.message : cause}.`, {
        statement: excerpt(text),
      })
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Written) {
      throw importFailed(this.#line, 'Not a JSON object.', { statement: excerpt(text) })
    }
    return value as Record<string, unknown>
  }

  #resolveColumn(name: string): string {
    const known = this.#kinds.get(lower(name))
    if (known) return known.name
    if (this.#target.columns)
      throw importFailed(this.#line, `Table "${this.#target.table}" has no column "${excerpt(name)}".`, {
        column: excerpt(name),
      })
    if (name === '') throw importFailed(this.#line, 'Missing column name.')
    this.#kinds.set(lower(name), { name, kinds: new Set() })
    return name
  }

  #literal(name: string, value: unknown): string {
    const noteKind = (kind: Kind, literal: string) => {
      this.#kinds.get(lower(name))?.kinds.add(kind)
      return literal
    }
    if (value === null) return 'NULL'
    if (typeof value === 'boolean') return noteKind('integer', value ? '1' : '0')
    if (value instanceof Written) return noteKind(/^-?\d+$/.test(value.source) ? 'integer' : 'real', value.source)
    if (typeof value === 'string') {
      if (value.isWellFormed()) return noteKind('text', textLiteral(value))
      throw importFailed(this.#line, `"${excerpt(name)}" contains an unpaired surrogate, which isn't valid Unicode.`, {
        column: excerpt(name),
      })
    }
    const { base64, ...rest } = value as Record<string, unknown>
    if (typeof base64 === 'string' && Object.keys(rest).length === 0) {
      try {
        return noteKind('blob', `X'${Uint8Array.fromBase64(base64).toHex()}'`)
      } catch {
        throw importFailed(this.#line, `"${excerpt(name)}.base64" must be valid base64.`, { column: excerpt(name) })
      }
    }
    throw importFailed(this.#line, `"${excerpt(name)}" must be a string, number, boolean, null or {"base64": "…"}.`, {
      column: excerpt(name),
    })
  }
}
