import { nameOf, parseStatement, type Statement, tokens, word } from '../../../sqlite/tokenizer.ts'
import { droppedTable } from '../../authorizer/drop.ts'
import type { ScriptStatement } from './script.ts'

/** Which tables a script drops, and what that means for the statements before. */
export class Drops {
  readonly #statements: readonly (Statement | undefined)[]
  readonly #dropped: readonly (string | undefined)[]

  constructor(statements: readonly ScriptStatement[]) {
    const drops = statements.some(({ text }) => /drop/i.test(text))
    this.#statements = drops ? statements.map(({ text }) => parsed(text)) : []
    this.#dropped = this.#statements.map((statement) => statement && droppedTable(statement))
  }

  /** The table whose rows a statement deletes although a later one drops it, whatever is recreated after that. */
  emptiedBy(index: number): string | undefined {
    const table = deletedFrom(this.#statements[index])
    return table !== undefined && this.#dropped.includes(table, index + 1) ? table : undefined
  }

  /** Tables that the next statement to name them drops: what becomes of their rows before that doesn't matter. */
  sparedBy(index: number): ReadonlySet<string> {
    const spared = new Set<string>()
    if (this.#dropped[index] === undefined && this.emptiedBy(index) === undefined) return spared
    const named = new Set<string>()
    for (let next = index + 1; next < this.#statements.length; next++) {
      const table = this.#dropped[next]
      if (table !== undefined && !named.has(table)) spared.add(table)
      for (const name of this.#statements[next]?.names ?? []) named.add(name)
    }
    return spared
  }
}

function deletedFrom(statement: Statement | undefined): string | undefined {
  if (statement?.verb !== 'DELETE') return undefined
  const { text } = statement
  const list = [...tokens(text)]
  const at = list.findIndex((token, i) => word(text, token) === 'DELETE' && word(text, list[i + 1]) === 'FROM') + 2
  const name = text.slice(list[at + 1]?.start, list[at + 1]?.end) === '.' ? list[at + 2] : list[at]
  return name && nameOf(text, name)
}

/** A statement that can't be parsed is refused when it runs. */
function parsed(text: string): Statement | undefined {
  try {
    return parseStatement(text)
  } catch {
    return undefined
  }
}
