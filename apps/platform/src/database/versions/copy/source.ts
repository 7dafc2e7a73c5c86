import { RpcTarget } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import { type Page, pagesOf } from '../../../sqlite/rows.ts'
import { readSchemaText, type SchemaText } from '../../../sqlite/schema.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import type { DamagedText, Read } from '../../../sqlite/walk.ts'
import { notUtf8, type RowFormat, rowsOut } from '../../transfer/export-rows.ts'
import { type BookkeepingRows, bookkeepingRows } from '../migrations/bookkeeping.ts'
import type { Ledger } from '../migrations/ledger.ts'
import { copyError } from './failure.ts'

/** The time after which a copy without a request for its next page is ended. */
const PATIENCE_MS = 30_000

/** The parts of a copy besides its schema. */
export interface Wanted {
  /** All rows, or only those of migration tools. */
  readonly rows: 'all' | 'bookkeeping'
  /** All applied migrations, only those that were applied here, or none. */
  readonly migrations: 'all' | 'own' | 'none'
  /** Whether the copy waits for the exclusive lock instead of failing. */
  readonly waits?: boolean
}
const ROWS: Wanted = { rows: 'all', migrations: 'none' }

/** The object that is copied: its name in a namespace, and the ID that it must have if it is a database. */
export interface Source {
  readonly namespace: string
  readonly name: string
  readonly id: string | undefined
}

/** The schema of a copy, and the number under which its pages can be read. */
export interface CopyOffer {
  readonly copy: number
  readonly schema: SchemaText
  /** The tables of migration tools with their row counts; `null` for a table that is too large to be copied alone. */
  readonly bookkeeping: readonly BookkeepingRows[]
}

interface Copy {
  readonly pages: Generator<Page | string>
  timer: ReturnType<typeof setTimeout> | undefined
  /** Whether a caller waits for its end, so that it doesn't time out. */
  isHeld: boolean
  ended: () => void
}

/** Lets other objects copy the current state of a database. Writes wait until they have read all of it. */
export class CopySource extends RpcTarget {
  readonly #read: Read
  readonly #check: (id: string | undefined) => void
  readonly #copies = new Map<number, Copy>()
  readonly #charge: (rowsRead: number) => void
  readonly #ledger: Pick<Ledger, 'pages'>
  readonly #held: () => Promise<void> | undefined
  readonly #damagedIn: (table: string) => DamagedText | undefined
  #rowsRead = 0
  #last = 0
  #holders = 0
  #thaw: (() => void) | undefined
  #frozen: Promise<void> | undefined

  /**
   * @param check throws unless the database has this ID
   * @param charge bills the rows read for a copy
   * @param damagedIn finds a text of a table that was not UTF-8 when this object became a copy
   */
  constructor(
    read: Read,
    check: (id: string | undefined) => void,
    charge: (rowsRead: number) => void,
    ledger: Pick<Ledger, 'pages'>,
    held: () => Promise<void> | undefined,
    damagedIn: (table: string) => DamagedText | undefined,
  ) {
    super()
    this.#read = (sql, ...params) => {
      const result = read(sql, ...params)
      this.#rowsRead += result.rowsRead
      return result
    }
    this.#check = check
    this.#charge = charge
    this.#ledger = ledger
    this.#held = held
    this.#damagedIn = damagedIn
  }

  /** A promise that writes have to wait for, if any. */
  get frozen(): Promise<void> | undefined {
    return this.#frozen
  }

  /** Blocks writes until the returned function is called, which must happen once. Not for other objects. */
  freeze(): () => void {
    this.#holders++
    this.#freeze()
    return () => {
      this.#holders--
      this.#thawIfFree()
    }
  }

  /** Starts a copy. @throws PerSQLError `database_not_found` */
  async begin(
    id: string | undefined,
    asText = false,
    staged = '',
    { rows, migrations, waits = false } = ROWS,
  ): Promise<CopyOffer> {
    for (let held = this.#held(); waits && held; held = this.#held()) await held
    this.#check(id)
    const run: RunSql = (sql, ...params) => this.#read(sql, ...params).rows
    const schema = readSchemaText(run)
    const bookkeeping = bookkeepingRows(run, schema)
    const small = new Set(bookkeeping.flatMap(({ table, rows }) => (rows === null ? [] : [table])))
    const tables = rows === 'all' ? schema.tables : schema.tables.filter(({ name }) => small.has(name))
    const pages = pagesOf(this.#read, { ...schema, tables }, asText, staged)
    return { copy: this.#begin(this.#withMigrations(pages, migrations)), schema, bookkeeping }
  }

  *#withMigrations(pages: Generator<Page>, which: Wanted['migrations']): Generator<Page> {
    yield* pages
    if (which === 'none') return
    const ledger = this.#ledger.pages(({ inherited }) => which === 'all' || !inherited)
    for (const migrations of ledger) yield { statements: [], rows: 0, damaged: [], migrations }
  }

  /**
   * Starts an export of the rows of one table as text, to be read with `nextText`.
   * @throws PerSQLError `database_not_found`, `text_not_utf8`
   */
  beginTable(id: string | undefined, table: string, format: RowFormat): number {
    this.#check(id)
    const damaged = this.#damagedIn(table)
    if (damaged) throw notUtf8(damaged)
    return this.#begin(rowsOut(this.#read, table, format))
  }

  #begin(pages: Copy['pages']): number {
    const copy = ++this.#last
    this.#copies.set(copy, { pages, timer: undefined, isHeld: false, ended: () => {} })
    this.#freeze()
    this.#watch(copy)
    return copy
  }

  /** Returns the next page; `undefined` at the end. @throws PerSQLError `copy_cut_off`, `copy_impossible` */
  next(copy: number): Page | undefined {
    return this.#next(copy) as Page | undefined
  }

  /**
   * Returns the next piece of a table's rows; `undefined` at the end.
   * @throws PerSQLError `copy_cut_off`, `copy_impossible`
   */
  nextText(copy: number): string | undefined {
    return this.#next(copy) as string | undefined
  }

  #next(copy: number): Page | string | undefined {
    const { pages } = this.#get(copy)
    this.#watch(copy)
    try {
      const { value, done } = pages.next() as IteratorResult<Page | string, undefined>
      return done ? undefined : value
    } catch (cause) {
      throw copyError(cause)
    }
  }

  /** Resolves when the copy ends. A caller that waits for it keeps slow readers from letting this object be evicted. */
  async hold(copy: number): Promise<void> {
    const known = this.#get(copy)
    clearTimeout(known.timer)
    known.isHeld = true
    await new Promise<void>((resolve) => {
      known.ended = resolve
    })
  }

  /** Ends a copy and lets writes continue. */
  end(copy: number): void {
    const known = this.#copies.get(copy)
    if (!known) return
    clearTimeout(known.timer)
    this.#copies.delete(copy)
    known.ended()
    if (this.#copies.size > 0) return
    this.#charge(this.#rowsRead)
    this.#rowsRead = 0
    this.#thawIfFree()
  }

  #freeze(): void {
    this.#frozen ??= new Promise((resolve) => {
      this.#thaw = resolve
    })
  }

  #thawIfFree(): void {
    if (this.#copies.size > 0 || this.#holders > 0) return
    this.#thaw?.()
    this.#frozen = undefined
  }

  #get(copy: number) {
    const known = this.#copies.get(copy)
    if (!known) throw new PerSQLError('copy_cut_off')
    return known
  }

  #watch(copy: number): void {
    const known = this.#get(copy)
    if (known.isHeld) return
    clearTimeout(known.timer)
    known.timer = setTimeout(() => this.end(copy), PATIENCE_MS)
  }
}
