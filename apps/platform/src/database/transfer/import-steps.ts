/** A step of an import, in the order of the file. Line numbers start at 1. */
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
  /** Rows of a full-text index's content table: the rowid and the values, without parentheses. */
  | { readonly kind: 'content'; readonly table: string; readonly row: string; readonly line: number }
  /** A full-text index that is rebuilt from its content at the end. */
  | { readonly kind: 'rebuild'; readonly table: string; readonly line: number }

/** A value that is too long for the text of a statement: a text, or bytes in base64. */
export type LongValue = string | { readonly base64: string }

/** A row as SQL, with placeholders for its parameters. */
export interface Row {
  readonly text: string
  readonly params: readonly LongValue[]
}

/** Reads the text of a file piece by piece and creates steps. */
export interface Reader {
  /** Reads more text. @throws PerSQLError `import_failed` with the line */
  add(text: string): void
  /** Reads the rest after all text was added. */
  end(): void
}

/** The size of a piece. It is stored in one transaction, whose end waits for the disk, like all other requests then. */
const PIECE_CHARACTERS = 250_000
/** A statement can have 100,000 bytes, and a character takes up to three. */
export const STATEMENT_CHARACTERS = 30_000
/** The size of a statement with several rows. It runs in about a millisecond, so that other calls can run after it. */
const ROWS_CHARACTERS = 8_000

/** Groups rows into statements, and steps into pieces of limited size. */
export class ImportStepBuilder {
  #steps: ImportStep[] = []
  #characters = 0
  #open: { into: string; rows: string[]; lines: number[]; characters: number } | undefined
  readonly #pieces: string[] = []
  rows = 0
  /** The number of statements in the file, without skipped ones. */
  statements = 0

  /**
   * Adds a row.
   * @param isAlone whether each row needs its own statement
   */
  row(into: string, row: string, line: number, isAlone = false): void {
    this.rows++
    if (isAlone) this.#close()
    let open = this.#open
    if (open?.into !== into || open.characters + row.length > ROWS_CHARACTERS) {
      this.#close()
      open = { into, rows: [], lines: [], characters: into.length }
      this.#open = open
    }
    open.rows.push(row)
    open.lines.push(line)
    open.characters += row.length + 1
  }

  /** Adds a row with values that can be parameters. */
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

  /** Yields the complete pieces, each once; at the end also the last one. */
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

/** Returns the steps of a piece. */
export const readPiece = (piece = '[]'): readonly ImportStep[] => JSON.parse(piece) as ImportStep[]
