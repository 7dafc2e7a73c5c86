import type { Statement } from '@persql/sdk'

/** The writes of a transaction so far, with its savepoints. */
export class Writes {
  #statements: Statement[] = []
  #marks: { name: string; at: number }[] = []

  get statements(): readonly Statement[] {
    return this.#statements
  }

  add(statement: Statement): void {
    this.#statements.push(statement)
  }

  mark(name: string): void {
    this.#marks.push({ name, at: this.#statements.length })
  }

  /** Removes the writes since the savepoint, and keeps the savepoint. */
  rollbackTo(name: string): void {
    const index = this.#find(name)
    this.#statements.length = this.#marks[index]?.at as number
    this.#marks.length = index + 1
  }

  /** Removes the savepoint and later ones, and keeps the writes. */
  release(name: string): void {
    this.#marks.length = this.#find(name)
  }

  #find(name: string): number {
    const index = this.#marks.findLastIndex((mark) => mark.name === name)
    if (index < 0) throw new Error(`Savepoint "${name}" not found.`)
    return index
  }
}
