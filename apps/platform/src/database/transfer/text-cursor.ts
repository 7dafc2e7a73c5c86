/** A position in a text that arrives piece by piece, with its line. Text before the position is dropped. */
export class Cursor {
  text = ''
  at = 0
  line = 1
  /** The position of the next line end. */
  #newline = Number.POSITIVE_INFINITY

  add(text: string): void {
    this.text = this.text.slice(this.at) + text
    this.at = 0
    this.#newline = newlineFrom(this.text, 0)
  }

  /** Moves forward to a position. */
  advance(to: number): void {
    while (this.#newline < to) {
      this.line++
      this.#newline = newlineFrom(this.text, this.#newline + 1)
    }
    this.at = to
  }

  /** Moves back to a position that was saved after the last call of `add`. */
  rewind({ at, line }: { readonly at: number; readonly line: number }): void {
    this.at = at
    this.line = line
    this.#newline = newlineFrom(this.text, at)
  }
}

function newlineFrom(text: string, at: number): number {
  const found = text.indexOf('\n', at)
  return found < 0 ? Number.POSITIVE_INFINITY : found
}
