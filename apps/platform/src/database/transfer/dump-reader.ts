import { parseIdentifier, type Token, tokens, word } from '../../sqlite/tokenizer.ts'
import { utf8Length } from '../../sqlite/walk.ts'
import {
  BEGIN,
  COMMIT,
  countNames,
  ends,
  INSERT,
  isSetting,
  nameIn,
  SHELL_LINE,
  SHELL_SETTINGS,
} from './dump-syntax.ts'
import { atLine, excerpt, importFailed } from './import-errors.ts'
import { type ImportStepBuilder, type Reader, STATEMENT_CHARACTERS } from './import-steps.ts'
import {
  canBeComment,
  endOfExpressions,
  endOfRow,
  type RowScan,
  skipSpace,
  splitValues,
  toRow,
} from './row-literals.ts'
import { ShadowTables } from './shadow-tables.ts'
import { Cursor } from './text-cursor.ts'

/**
 * The maximum length of a row, and of a statement other than INSERT with plain values, whose rows are read one at a
 * time.
 */
const MAX_CHARACTERS = 8_000_000
/**
 * The number of characters up to which the rows of a statement are held back, because the text after them can change
 * their meaning.
 */
const HELD_CHARACTERS = 100_000
/** The maximum size of a statement that runs unchanged: the runtime's limit is 100,000 bytes. */
const MAX_STATEMENT_BYTES = 100_000
/** The maximum length of a line for the sqlite3 shell. */
const LONGEST_SHELL_LINE = 10_000
/** Rows with more values are inserted one at a time. */
const MAX_COLUMNS = 100

/** A row of plain values, of plain values that must be rewritten (`special`), or of expressions. */
interface HeldRow {
  readonly text: string
  readonly kind: 'plain' | 'special' | 'expressions'
  readonly line: number
}

interface Held {
  readonly into: string
  readonly table: string
  readonly isWide: boolean
  readonly rows: HeldRow[]
  characters: number
  /** Whether some of its rows were sent already. */
  isSent: boolean
}

/** Reads an SQL dump: that of PerSQL, that of the sqlite3 shell, or any script of statements. */
export class DumpReader implements Reader {
  readonly #steps: ImportStepBuilder
  readonly #cursor = new Cursor()
  #wanted = 0
  #held: Held | undefined
  #open: number | undefined
  #statements = 0
  #hasText = false
  readonly #shadows: ShadowTables

  constructor(steps: ImportStepBuilder) {
    this.#steps = steps
    this.#shadows = new ShadowTables(steps)
  }

  add(text: string): void {
    this.#hasText ||= /\S/.test(text)
    this.#cursor.add(text)
    if (this.#cursor.text.length < this.#wanted) return
    while (this.#next(false));
    const left = this.#cursor.text.length - this.#cursor.at
    this.#wanted = left > 10_000 ? left * 2 : 0
    if (left > MAX_CHARACTERS) {
      this.#cursor.rewind()
      throw importFailed(
        this.#cursor.line,
        `The statement that starts here exceeds ${MAX_CHARACTERS.toLocaleString('en-US')} characters: "${excerpt(this.#cursor.text.slice(this.#cursor.at, this.#cursor.at + 60))}".`,
      )
    }
  }

  end(): void {
    this.#cursor.add('\n')
    while (this.#next(true));
    if (!this.#hasText) throw importFailed(1, 'The file is empty. It must contain SQL statements.')
    if (this.#statements === 0) throw importFailed(1, 'The file contains no SQL statement.')
    if (this.#open !== undefined)
      throw importFailed(this.#open, "The transaction that starts here doesn't end. The file is truncated.")
  }

  /** Reads one statement, or one row of a statement. Returns whether more can follow. */
  #next(isEnd: boolean): boolean {
    return this.#held ? this.#row(this.#held, isEnd) : this.#statement(isEnd)
  }

  #statement(isEnd: boolean): boolean {
    const start = skipSpace(this.#cursor.text, this.#cursor.at)
    this.#cursor.advance(start)
    if (this.#cursor.text[start] === '.') return this.#shellLine(isEnd)
    INSERT.lastIndex = start
    const found = INSERT.exec(this.#cursor.text)
    if (found && INSERT.lastIndex - start < 20_000) {
      this.#cursor.mark()
      const [, how = '', table = '', columns] = found
      const into = `${how} INTO ${table} ${columns ? `${columns} ` : ''}VALUES `
      const isWide = columns !== undefined && countNames(columns) > MAX_COLUMNS
      this.#held = { into, table: nameIn(table), isWide, rows: [], characters: 0, isSent: false }
      this.#cursor.advance(INSERT.lastIndex)
      return true
    }
    return this.#other(isEnd)
  }

  /** Reads a row. If it isn't a valid row, the statement is read as a whole. */
  #row(held: Held, isEnd: boolean): boolean {
    const start = skipSpace(this.#cursor.text, this.#cursor.at)
    const { end, kind } = this.#findRowEnd(start, isEnd)
    if (end === 'other' || (end === 'incomplete' && isEnd)) return this.#unheld(held, isEnd, end === 'incomplete')
    const behind = end === 'incomplete' ? Number.NaN : skipSpace(this.#cursor.text, end)
    if (
      end === 'incomplete' ||
      ((behind >= this.#cursor.text.length || canBeComment(this.#cursor.text, behind)) && !isEnd)
    ) {
      return false
    }
    const c = this.#cursor.text[behind]
    if (c !== ',' && c !== ';' && behind < this.#cursor.text.length) return this.#unheld(held, isEnd)
    if (c !== ',' && !held.isSent && this.#isSimple(held, kind, end)) return this.#unheld(held, isEnd)
    this.#cursor.advance(start)
    const text = this.#cursor.text.slice(start, end)
    held.rows.push({ text, kind, line: this.#cursor.line })
    held.characters += text.length
    this.#cursor.advance(Math.min(behind + 1, this.#cursor.text.length))
    if (held.characters > HELD_CHARACTERS || held.isSent || c !== ',') {
      held.isSent = true
      this.#cursor.unmark()
      this.#send(held)
    }
    if (c !== ',') {
      this.#statements++
      if (!this.#shadows.has(held.table)) this.#steps.statements++
      this.#held = undefined
    }
    return true
  }

  #findRowEnd(start: number, isEnd: boolean): { readonly end: RowScan; readonly kind: HeldRow['kind'] } {
    const { text } = this.#cursor
    if (text[start] !== '(') {
      return { end: start < text.length && !canBeComment(text, start) ? 'other' : 'incomplete', kind: 'plain' }
    }
    let kind: HeldRow['kind'] = 'plain'
    const end = endOfRow(text, start, () => {
      kind = 'special'
    })
    if (typeof end === 'number' || (end === 'incomplete' && !isEnd)) return { end, kind }
    try {
      return { end: endOfExpressions(text, start), kind: 'expressions' }
    } catch (cause) {
      throw atLine(cause, this.#cursor.line, text.slice(start, start + 200))
    }
  }

  /** Returns whether a statement with expressions, whose last row ends here, can run unchanged. */
  #isSimple({ rows }: Held, kind: HeldRow['kind'], end: number): boolean {
    const hasExpressions = kind === 'expressions' || rows.some((row) => row.kind === 'expressions')
    return hasExpressions && utf8Length(this.#cursor.text.slice(this.#cursor.markedAt, end)) <= MAX_STATEMENT_BYTES
  }

  #unheld(held: Held, isEnd: boolean, isCut = false): boolean {
    if (held.isSent) {
      this.#cursor.advance(skipSpace(this.#cursor.text, this.#cursor.at))
      if (isCut) throw importFailed(this.#cursor.line, 'The file ends in the middle of a statement. It is truncated.')
      throw importFailed(
        this.#cursor.line,
        `An INSERT of more than ${HELD_CHARACTERS.toLocaleString('en-US')} characters can contain only rows of values, without subqueries or clauses after them. Split it into smaller statements.`,
        { statement: excerpt(this.#cursor.text.slice(this.#cursor.at, this.#cursor.at + 200)) },
      )
    }
    this.#held = undefined
    this.#cursor.rewind()
    return this.#other(isEnd)
  }

  #send({ into, table, rows, isWide }: Held): void {
    for (const { text, kind, line } of rows.splice(0)) {
      if (kind === 'expressions') this.#statementStep(into + text, line)
      else if (this.#shadows.has(table)) {
        this.#shadows.row(table, text, line)
      } else if (table === 'sqlite_sequence') {
        const [name = '', seq = ''] = splitValues(text)
        if (!/^'/.test(name) || !/^-?\d{1,19}$/.test(seq))
          throw importFailed(line, 'Invalid AUTOINCREMENT entry. Expected a name and a number.')
        this.#steps.step({ kind: 'sequence', table: name, seq, line })
      } else if (table === 'sqlite_master' || table === 'sqlite_schema') {
        this.#shadows.define(splitValues(text), line)
      } else if (table === 'sqlite_stat3' || table === 'sqlite_stat4') {
        // Samples that only other builds of SQLite store.
      } else if (kind === 'special' || text.length > STATEMENT_CHARACTERS || text.includes('\0')) {
        this.#steps.anyRow(into, toRow(splitValues(text), STATEMENT_CHARACTERS), line, isWide)
      } else this.#steps.row(into, text, line, isWide)
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
        list.map((token) => parseIdentifier(rest, token)),
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
      throw importFailed(this.#cursor.line, 'The dump ends with ROLLBACK, so it is incomplete. Create the dump again.')
    else if (verb === 'PRAGMA' && isSetting(names.slice(1))) return
    else if (/^DELETE FROM$/.test(words.slice(0, 2).join(' ')) && names[2] === 'sqlite_sequence' && names.length === 3)
      return
    else if (verb === 'CREATE' && words[1] === 'TABLE' && names.slice(2, 7).some((name) => this.#shadows.has(name)))
      return
    else this.#ordinary(sql)
  }

  #ordinary(sql: string): void {
    this.#steps.statements++
    this.#statementStep(sql, this.#cursor.line)
  }

  #statementStep(sql: string, line: number): void {
    const bytes = sql.length * 3 > MAX_STATEMENT_BYTES ? utf8Length(sql) : 0
    if (bytes > MAX_STATEMENT_BYTES) {
      const limit = `The maximum is ${MAX_STATEMENT_BYTES.toLocaleString('en-US')} bytes, except for INSERT and REPLACE with rows of values.`
      throw importFailed(line, `This statement has ${bytes.toLocaleString('en-US')} bytes. ${limit}`, {
        statement: excerpt(sql),
      })
    }
    this.#steps.step({ kind: 'sql', sql, line })
  }

  /** Skips a line for the sqlite3 shell. Returns whether the line was complete. */
  #shellLine(isEnd: boolean): boolean {
    const { text, at } = this.#cursor
    SHELL_LINE.lastIndex = at
    const [line, command = ''] = SHELL_LINE.exec(text) ?? []
    if (line === undefined && text.length - at < LONGEST_SHELL_LINE && !isEnd) return false
    if (line === undefined || !SHELL_SETTINGS.has(command.toLowerCase())) {
      const shown = excerpt(text.slice(at, at + 100)).split('\n')[0]
      throw importFailed(this.#cursor.line, `"${shown}" is a sqlite3 shell command, not SQL. Remove the line.`)
    }
    this.#cursor.advance(at + line.length)
    return true
  }
}
