import { nameOf, type Token, tokens, word } from '../guard/statement.ts'
import { Cursor } from './cursor.ts'
import { BEGIN, COMMIT, ends, INSERT, nameIn } from './dump-syntax.ts'
import { atLine, excerpt, importFailed } from './failure.ts'
import { endOfRow, rowOf, skipSpace, valuesOf } from './literals.ts'
import { ShadowTables } from './shadow-tables.ts'
import { type Reader, STATEMENT_CHARACTERS, type Steps } from './steps.ts'

/** A statement of plain values may be long, its rows are taken one by one; no row and no other statement may be longer. */
const MAX_CHARACTERS = 8_000_000
/** Rows of a statement are held back up to this, for what comes behind them may change their meaning. */
const HELD_CHARACTERS = 100_000
interface Held {
  readonly into: string
  readonly table: string
  readonly rows: { readonly text: string; readonly isSpecial: boolean; readonly line: number }[]
  characters: number
  /** Some of its rows are on their way already. */
  isSent: boolean
}

/** Reads an SQL dump: our own, that of the sqlite3 shell, or any script of statements. */
export class DumpReader implements Reader {
  readonly #steps: Steps
  readonly #cursor = new Cursor()
  #wanted = 0
  #held: Held | undefined
  #heldAt = { at: 0, line: 1 }
  #open: number | undefined
  #statements = 0
  readonly #shadows: ShadowTables

  constructor(steps: Steps) {
    this.#steps = steps
    this.#shadows = new ShadowTables(steps)
  }

  add(text: string): void {
    this.#cursor.add(text)
    if (this.#cursor.text.length < this.#wanted) return
    while (this.#next(false));
    const left = this.#cursor.text.length - this.#cursor.at
    this.#wanted = left > 1_000_000 ? left * 2 : 0
    if (left > MAX_CHARACTERS)
      throw importFailed(
        this.#cursor.line,
        `What begins here does not end within ${MAX_CHARACTERS} characters: "${excerpt(this.#cursor.text.slice(this.#cursor.at, this.#cursor.at + 60))}".`,
      )
  }

  end(): void {
    this.#cursor.add('\n')
    while (this.#next(true));
    if (this.#statements === 0) throw importFailed(1, 'There is no SQL statement in this file.')
    if (this.#open !== undefined)
      throw importFailed(this.#open, 'The transaction that begins here does not end: the file is cut short.')
  }

  /** Takes one statement, or one row of one. Returns whether there may be more. */
  #next(isEnd: boolean): boolean {
    return this.#held ? this.#row(this.#held, isEnd) : this.#statement(isEnd)
  }

  #statement(isEnd: boolean): boolean {
    const start = skipSpace(this.#cursor.text, this.#cursor.at)
    this.#cursor.advance(start)
    INSERT.lastIndex = start
    const found = INSERT.exec(this.#cursor.text)
    if (found && INSERT.lastIndex - start < 20_000) {
      this.#heldAt = { at: start, line: this.#cursor.line }
      const into = `INSERT INTO ${found[1]} ${found[2] ? `${found[2]} ` : ''}VALUES `
      this.#held = { into, table: nameIn(found[1] as string), rows: [], characters: 0, isSent: false }
      this.#cursor.advance(INSERT.lastIndex)
      return true
    }
    return this.#other(isEnd)
  }

  /** A row of plain values. Whatever else comes, the statement is taken as a whole. */
  #row(held: Held, isEnd: boolean): boolean {
    const start = skipSpace(this.#cursor.text, this.#cursor.at)
    let isSpecial = false
    const end =
      this.#cursor.text[start] === '('
        ? endOfRow(this.#cursor.text, start, () => {
            isSpecial = true
          })
        : start < this.#cursor.text.length
          ? 'other'
          : 'incomplete'
    if (end === 'other' || (end === 'incomplete' && isEnd)) return this.#unheld(held, isEnd)
    const behind = end === 'incomplete' ? Number.NaN : skipSpace(this.#cursor.text, end)
    if (end === 'incomplete' || (behind >= this.#cursor.text.length && !isEnd)) {
      // What is held stays in the buffer, but not for ever.
      if (held.isSent) return false
      const rewind = this.#heldAt
      this.#held = undefined
      this.#cursor.rewind(rewind)
      return false
    }
    const c = this.#cursor.text[behind]
    if (c !== ',' && c !== ';' && behind < this.#cursor.text.length) return this.#unheld(held, isEnd)
    this.#cursor.advance(start)
    const text = this.#cursor.text.slice(start, end)
    held.rows.push({ text, isSpecial, line: this.#cursor.line })
    held.characters += text.length
    this.#cursor.advance(Math.min(behind + 1, this.#cursor.text.length))
    if (held.characters > HELD_CHARACTERS || held.isSent || c !== ',') {
      held.isSent = true
      this.#send(held)
    }
    if (c !== ',') {
      this.#statements++
      if (!this.#shadows.has(held.table)) this.#steps.statements++
      this.#held = undefined
    }
    return true
  }

  #unheld(held: Held, isEnd: boolean): boolean {
    if (held.isSent) {
      this.#cursor.advance(skipSpace(this.#cursor.text, this.#cursor.at))
      if (isEnd) throw importFailed(this.#cursor.line, 'The file ends within a statement: it is cut short.')
      throw importFailed(
        this.#cursor.line,
        'Among many rows of one INSERT only plain values are taken, and nothing behind them.',
        { statement: excerpt(this.#cursor.text.slice(this.#cursor.at, this.#cursor.at + 200)) },
      )
    }
    this.#held = undefined
    this.#cursor.rewind(this.#heldAt)
    return this.#other(isEnd)
  }

  #send({ into, table, rows }: Held): void {
    for (const { text, isSpecial, line } of rows.splice(0)) {
      if (this.#shadows.has(table)) {
        this.#shadows.row(table, text, line)
      } else if (table === 'sqlite_sequence') {
        const [name = '', seq = ''] = valuesOf(text)
        if (!/^'/.test(name) || !/^\d{1,19}$/.test(seq))
          throw importFailed(line, 'A counter of AUTOINCREMENT is a name and a number.')
        this.#steps.step({ kind: 'sequence', table: name, seq, line })
      } else if (table === 'sqlite_master' || table === 'sqlite_schema') {
        this.#shadows.define(valuesOf(text), line)
      } else if (table === 'sqlite_stat3' || table === 'sqlite_stat4') {
        // Samples that only other builds of SQLite keep.
      } else if (isSpecial || text.length > STATEMENT_CHARACTERS || text.includes('\0')) {
        this.#steps.anyRow(into, rowOf(valuesOf(text), STATEMENT_CHARACTERS), line)
      } else this.#steps.row(into, text, line)
    }
  }

  #other(isEnd: boolean): boolean {
    const list: Token[] = []
    let end = -1
    const rest = this.#cursor.at === 0 ? this.#cursor.text : this.#cursor.text.slice(this.#cursor.at)
    try {
      for (const token of tokens(rest)) {
        if (token.kind === 'semicolon' && (list.length === 0 || ends(rest, list))) {
          end = token.end
          break
        }
        list.push(token)
      }
    } catch (cause) {
      throw atLine(cause, this.#cursor.line, rest.slice(0, 200))
    }
    const [first, last] = [list[0], list.at(-1)]
    if (end < 0 && !isEnd) return false
    if (first && last) {
      const at = this.#cursor.at
      this.#cursor.advance(at + first.start)
      this.#run(
        rest.slice(first.start, last.end),
        list.map((token) => word(rest, token)),
        list.map((token) => nameOf(rest, token)),
      )
      this.#cursor.advance(at + last.end)
    }
    this.#cursor.advance(end < 0 ? this.#cursor.text.length : this.#cursor.at + (end - (last ? last.end : 0)))
    return end >= 0
  }

  #run(sql: string, words: readonly string[], names: readonly string[]): void {
    this.#statements++
    const said = words.slice(0, 4).join(' ').trim()
    const [verb] = words
    if (BEGIN.test(said)) this.#open = this.#cursor.line
    else if (COMMIT.test(said)) this.#open = undefined
    else if (verb === 'ROLLBACK')
      throw importFailed(this.#cursor.line, 'The file takes back all it says: its dump has failed.')
    else if (verb === 'PRAGMA' && (names[1] === 'foreign_keys' || names[1] === 'writable_schema')) return
    else if (/^DELETE FROM$/.test(words.slice(0, 2).join(' ')) && names[2] === 'sqlite_sequence' && names.length === 3)
      return
    else if (verb === 'CREATE' && words[1] === 'TABLE' && names.slice(2, 7).some((name) => this.#shadows.has(name)))
      return
    else this.#ordinary(sql)
  }

  #ordinary(sql: string): void {
    this.#steps.statements++
    this.#steps.step({ kind: 'sql', sql, line: this.#cursor.line })
  }
}
