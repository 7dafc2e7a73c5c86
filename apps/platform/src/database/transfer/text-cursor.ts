/** A position in a text that arrives piece by piece, with its line. Text before the position, or before its mark, is dropped. */
export class Cursor {
  text = ''
  at = 0
  line = 1
  /** The position of the next line end. */
  #newline = Number.POSITIVE_INFINITY
  #mark: { readonly at: number; readonly line: number } | undefined

  add(text: string): void {
    const from = this.#mark?.at ?? this.at
    this.text = this.text.slice(from) + text
    this.at -= from
    if (this.#mark) this.#mark = { at: 0, line: this.#mark.line }
    this.#newline = newlineFrom(this.text, this.at)
  }

  /** Moves forward to a position. */
  advance(to: number): void {
    while (this.#newline < to) {
      this.line++
      this.#newline = newlineFrom(this.text, this.#newline + 1)
    }
    this.at = to
  }

  /** Marks the position, so that `rewind` returns to it. */
  mark(): void {
    this.#mark = { at: this.at, line: this.line }
  }

  /** The marked position; without a mark, the position. */
  get markedAt(): number {
    return this.#mark?.at ?? this.at
  }

  /** Removes the mark. */
  unmark(): void {
    this.#mark = undefined
  }

  /** Moves back to the mark, and removes it. */
  rewind(): void {
    const { at, line } = this.#mark ?? this
    this.at = at
    this.line = line
    this.#newline = newlineFrom(this.text, at)
    this.#mark = undefined
  }
}

function newlineFrom(text: string, at: number): number {
  const found = text.indexOf('\n', at)
  return found < 0 ? Number.POSITIVE_INFINITY : found
}
