/** Something an import does, in the order of the file. Lines count from 1. */
export type ImportStep =
  | { readonly kind: 'rows'; readonly into: string; readonly rows: string[]; readonly lines: number[] }
  | {
      readonly kind: 'long'
      readonly into: string
      readonly row: string
      readonly params: readonly LongValue[]
      readonly line: number
    }
  | { readonly kind: 'sql'; readonly sql: string; readonly line: number }
  | { readonly kind: 'sequence'; readonly table: string; readonly seq: string; readonly line: number }
  /** Rows of the table in which a full-text index keeps its texts: number and values, without parentheses. */
  | { readonly kind: 'content'; readonly table: string; readonly row: string; readonly line: number }
  /** A full-text index that is filled from its content at the end. */
  | { readonly kind: 'rebuild'; readonly table: string; readonly line: number }

/** A value too long for the text of a statement: a text, or bytes in base64. */
export type LongValue = string | { readonly base64: string }

/** A row as SQL says it, with placeholders for what is bound. */
export interface Row {
  readonly text: string
  readonly params: readonly LongValue[]
}

/** Takes the text of a file piece by piece and gives steps. */
export interface Reader {
  /** @throws PerSQLError `import_failed` that names the line */
  add(text: string): void
  /** What has to be told when all was added. */
  end(): void
}

/** Small enough that others are served in between without noticing. */
const PIECE_CHARACTERS = 200_000
/** A statement may have 100,000 bytes; a character up to three of them. */
export const STATEMENT_CHARACTERS = 30_000

/** Gathers rows into statements and steps into pieces of bounded size. */
export class ImportStepBuilder {
  #steps: ImportStep[] = []
  #characters = 0
  #open: { into: string; rows: string[]; lines: number[]; characters: number } | undefined
  readonly #pieces: string[] = []
  rows = 0
  /** Statements of the file, without those that are passed over. */
  statements = 0

  /** @param isAlone whether each row needs a statement of its own */
  row(into: string, row: string, line: number, isAlone = false): void {
    this.rows++
    if (isAlone) this.#close()
    let open = this.#open
    if (open?.into !== into || open.characters + row.length > STATEMENT_CHARACTERS) {
      this.#close()
      open = { into, rows: [], lines: [], characters: into.length }
      this.#open = open
    }
    open.rows.push(row)
    open.lines.push(line)
    open.characters += row.length + 1
  }

  /** A row with values that may have to be bound. */
  anyRow(into: string, { text, params }: Row, line: number, isAlone = false): void {
    if (params.length === 0) this.row(into, text, line, isAlone)
    else {
      this.rows++
      this.step({ kind: 'long', into, row: text, params, line })
    }
  }

  step(step: ImportStep): void {
    this.#close()
    this.#push(step, JSON.stringify(step).length)
  }

  /** The pieces that are full, each once; in the end also the last. */
  *take(isEnd = false): Generator<string> {
    if (isEnd) {
      this.#close()
      this.#cut()
    }
    yield* this.#pieces.splice(0)
  }

  #close(): void {
    if (!this.#open) return
    const { into, rows, lines, characters } = this.#open
    this.#open = undefined
    this.#push({ kind: 'rows', into, rows, lines }, characters)
  }

  #push(step: ImportStep, characters: number): void {
    this.#steps.push(step)
    this.#characters += characters
    if (this.#characters > PIECE_CHARACTERS) this.#cut()
  }

  #cut(): void {
    if (this.#steps.length === 0) return
    this.#pieces.push(JSON.stringify(this.#steps))
    this.#steps = []
    this.#characters = 0
  }
}
