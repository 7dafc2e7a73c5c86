import { PerSQLError } from '@persql/contract'
import { endOfStatement, parseIdentifier, syntaxError, type Token, tokens, word } from '../../sqlite/tokenizer.ts'

/** The mode of a transaction: when it makes other writers wait, or that it doesn't write. */
export type TransactionMode = (typeof TRANSACTION_MODES)[number]
export const TRANSACTION_MODES = ['deferred', 'write', 'read'] as const

/** A statement that controls a transaction. */
export type Control =
  | { readonly kind: 'begin'; readonly mode: TransactionMode }
  | { readonly kind: 'commit' | 'rollback' }
  | { readonly kind: 'savepoint' | 'release' | 'rollback_to'; readonly name: string }

/** The modes of BEGIN. CONCURRENT and READONLY are extensions of libSQL. */
const MODES: Readonly<Record<string, TransactionMode>> = {
  DEFERRED: 'deferred',
  CONCURRENT: 'deferred',
  IMMEDIATE: 'write',
  EXCLUSIVE: 'write',
  READONLY: 'read',
}
const MAY_CONTROL = /^\W*(?:--|\/\*|begin|commit|end|rollback|savepoint|release)/i

/**
 * Parses BEGIN, COMMIT, END, ROLLBACK, SAVEPOINT and RELEASE. Returns `undefined` for any other statement.
 * @throws PerSQLError `sql_error` with SQLite's syntax error, or `multiple_statements`
 */
export function parseControl(sql: string): Control | undefined {
  if (!MAY_CONTROL.test(sql)) return undefined
  const list = [...tokens(sql)]
  while (list[0]?.kind === 'semicolon') list.shift()
  const parse = PARSERS[word(sql, list[0])]
  if (!parse) return undefined
  const end = endOfStatement(sql, list)
  if (list.slice(end).some(({ kind }) => kind !== 'semicolon')) throw new PerSQLError('multiple_statements')
  const rest = new Reader(sql, list.slice(1, end))
  const control = parse(rest)
  rest.end()
  return control
}

const PARSERS: Readonly<Record<string, (rest: Reader) => Control>> = {
  BEGIN(rest) {
    const mode = rest.mode()
    const isNamed = rest.skip('TRANSACTION')
    return { kind: 'begin', mode: mode ?? (isNamed ? rest.mode() : undefined) ?? 'deferred' }
  },
  COMMIT: parseCommit,
  END: parseCommit,
  ROLLBACK(rest) {
    rest.skip('TRANSACTION')
    if (!rest.skip('TO')) return { kind: 'rollback' }
    rest.skip('SAVEPOINT')
    return { kind: 'rollback_to', name: rest.name() }
  },
  SAVEPOINT: (rest) => ({ kind: 'savepoint', name: rest.name() }),
  RELEASE(rest) {
    rest.skip('SAVEPOINT')
    return { kind: 'release', name: rest.name() }
  },
}

function parseCommit(rest: Reader): Control {
  rest.skip('TRANSACTION')
  return { kind: 'commit' }
}

/** Reads the tokens of a statement one after another. */
class Reader {
  readonly #sql: string
  readonly #list: readonly Token[]
  #at = 0

  constructor(sql: string, list: readonly Token[]) {
    this.#sql = sql
    this.#list = list
  }

  skip(keyword: string): boolean {
    if (word(this.#sql, this.#list[this.#at]) !== keyword) return false
    this.#at++
    return true
  }

  mode(): TransactionMode | undefined {
    const mode = MODES[word(this.#sql, this.#list[this.#at])]
    if (mode) this.#at++
    return mode
  }

  name(): string {
    const token = this.#list[this.#at]
    if (token?.kind !== 'word' && token?.kind !== 'quoted') throw this.#unexpected()
    this.#at++
    return parseIdentifier(this.#sql, token)
  }

  /** @throws PerSQLError `sql_error` unless all tokens are read */
  end(): void {
    if (this.#at < this.#list.length) throw this.#unexpected()
  }

  #unexpected(): PerSQLError {
    const token = this.#list[this.#at]
    if (token) return syntaxError(this.#sql.slice(token.start, token.end))
    const message = 'incomplete input'
    return new PerSQLError('sql_error', { message }, { extra: { errorDetail: { message, kind: 'syntax_error' } } })
  }
}
