import { parseIdentifier, parseStatement, type Statement, tokens, word } from '../../../sqlite/tokenizer.ts'
import { droppedTable } from '../../authorizer/drop.ts'
import type { ScriptStatement } from './script.ts'

/** The tables that a script drops, and the effect on the statements before. */
export class Drops {
  readonly #statements: readonly (Statement | undefined)[]
  readonly #dropped: readonly (string | undefined)[]

  constructor(statements: readonly ScriptStatement[]) {
    const drops = statements.some(({ text }) => /drop/i.test(text))
    this.#statements = drops ? statements.map(({ text }) => parsed(text)) : []
    this.#dropped = this.#statements.map((statement) => statement && droppedTable(statement))
  }

  /**
   * Returns the table whose rows a statement deletes before a later statement drops it, even if it is recreated after
   * that.
   */
  emptiedBy(index: number): string | undefined {
    const table = deletedFrom(this.#statements[index])
    return table !== undefined && this.#dropped.includes(table, index + 1) ? table : undefined
  }

  /**
   * Returns the tables that are dropped by the next statement that names them: earlier changes to their rows don't
   * matter.
   */
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
  return name && parseIdentifier(text, name)
}

/** Parses a statement; `undefined` for an invalid one, which is refused when it runs. */
function parsed(text: string): Statement | undefined {
  try {
    return parseStatement(text)
  } catch {
    return undefined
  }
}
