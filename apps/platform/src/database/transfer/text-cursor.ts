/** A place in a text that arrives piece by piece, and the line it is on. What lies behind it is forgotten. */
export class Cursor {
  text = ''
  at = 0
  line = 1
  /** Where the first line end from here on is. */
  #newline = Number.POSITIVE_INFINITY

  add(text: string): void {
    this.text = this.text.slice(this.at) + text
    this.at = 0
    this.#newline = newlineFrom(this.text, 0)
  }

  /** Goes on to a place further on. */
  advance(to: number): void {
    while (this.#newline < to) {
      this.line++
      this.#newline = newlineFrom(this.text, this.#newline + 1)
    }
    this.at = to
  }

  /** Goes back to a place that was noted since text was added last. */
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
