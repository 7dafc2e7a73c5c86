import { RpcTarget } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import { type Page, readPages } from '../../../sqlite/rows.ts'
import { readSchemaText, type SchemaText } from '../../../sqlite/schema.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import type { Read } from '../../../sqlite/walk.ts'
import type { WriteFreeze } from '../../engine/write-freeze.ts'
import type { IdentityStore } from '../../identity.ts'
import { notUtf8, type RowFormat, rowsOut } from '../../transfer/export-rows.ts'
import { type BookkeepingRows, bookkeepingRows } from '../migrations/bookkeeping.ts'
import type { Ledger } from '../migrations/ledger.ts'
import { findDamagedText } from './damaged-texts.ts'
import { copyError } from './failure.ts'

/** The time after which a copy without a request for its next page is ended. */
const PATIENCE_MS = 30_000
/** The time that a copy waits for tasks with exclusive access. Each of them takes at most 25 s. */
const MAX_WAIT_MS = 60_000

/** The parts of a copy besides its schema. */
export interface Wanted {
  /** All rows, or only those of migration tools. */
  readonly rows: 'all' | 'bookkeeping'
  /** All applied migrations, only those that were applied here, or none. */
  readonly migrations: 'all' | 'own' | 'none'
  /**
   * Whether the copy fails instead of waiting for a task with exclusive access. The caller holds such access itself, and
   * that task could wait for the caller.
   */
  readonly isImpatient?: boolean
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

/** The part of the exclusive lock that copies use. */
interface Lock {
  readonly held: Promise<void> | undefined
  readonly queue: Promise<void> | undefined
  share(): () => void
}

/** The services that copies of this object use. */
export interface CopySourceOptions {
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  /** The exclusive lock, which a task can hold, and which tasks don't get during a copy. */
  readonly exclusion: Lock
  readonly writes: WriteFreeze
  readonly ledger: Pick<Ledger, 'pages'>
  /** Bills the rows read for a copy. */
  readonly charge: (rowsRead: number) => void
}

/**
 * Checks that the database with this ID can be copied now.
 * @throws PerSQLError `copy_cut_off` or `database_not_found`
 */
export function assertSource(
  { identity, exclusion }: { identity: IdentityStore; exclusion: Pick<Lock, 'held'> },
  id: string | undefined,
): void {
  if (exclusion.held) throw new PerSQLError('copy_cut_off')
  // A database without any call so far is empty and doesn't know its ID yet.
  if (identity.current && identity.current.id !== id) {
    throw new PerSQLError('database_not_found', { database: identity.current.slug })
  }
}

/** Lets other objects copy the current state of a database. Writes wait until they have read all of it. */
export class CopySource extends RpcTarget {
  readonly #options: CopySourceOptions
  readonly #read: Read
  readonly #copies = new Map<number, Copy>()
  #rowsRead = 0
  #last = 0
  #thaw: (() => void) | undefined

  constructor(options: CopySourceOptions) {
    super()
    const { sql } = options.storage
    this.#options = options
    this.#read = (text, ...params) => {
      const cursor = sql.exec(text, ...params)
      const rows = [...cursor.raw()]
      this.#rowsRead += cursor.rowsRead
      return { rows, rowsRead: cursor.rowsRead }
    }
  }

  /**
   * Starts a copy, after the tasks with exclusive access that came first.
   * @throws PerSQLError `database_not_found`, or `copy_cut_off` after a minute
   */
  async begin(id: string | undefined, asText = false, staged = '', wanted = ROWS): Promise<CopyOffer> {
    if (wanted.isImpatient) return this.#beginNow(id, asText, staged, wanted)
    return this.#inTurn(() => this.#beginNow(id, asText, staged, wanted))
  }

  /** Waits until no task has exclusive access. @throws PerSQLError `copy_cut_off` after a minute */
  ready(): Promise<void> {
    return this.#inTurn(() => {})
  }

  /** Runs `start` in the same turn in which the exclusive lock is free, so that no task that came later is first. */
  async #inTurn<T>(start: () => T): Promise<T> {
    const { exclusion } = this.#options
    if (!exclusion.queue) return start()
    let isLate = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        isLate = true
        reject(new PerSQLError('copy_cut_off'))
      }, MAX_WAIT_MS)
    })
    const inTurn = async (): Promise<T> => {
      for (let before = exclusion.queue; before; before = exclusion.held) await before
      if (isLate) throw new PerSQLError('copy_cut_off')
      return start()
    }
    try {
      return await Promise.race([inTurn(), late])
    } finally {
      clearTimeout(timer)
    }
  }

  #beginNow(id: string | undefined, asText: boolean, staged: string, { rows, migrations }: Wanted): CopyOffer {
    assertSource(this.#options, id)
    const run: RunSql = (sql, ...params) => this.#read(sql, ...params).rows
    const schema = readSchemaText(run)
    const bookkeeping = bookkeepingRows(run, schema)
    const small = new Set(bookkeeping.flatMap(({ table, rows }) => (rows === null ? [] : [table])))
    const tables = rows === 'all' ? schema.tables : schema.tables.filter(({ name }) => small.has(name))
    const pages = readPages(this.#read, { ...schema, tables }, asText, staged)
    return { copy: this.#begin(this.#withMigrations(pages, migrations)), schema, bookkeeping }
  }

  *#withMigrations(pages: Generator<Page>, which: Wanted['migrations']): Generator<Page> {
    yield* pages
    if (which === 'none') return
    const ledger = this.#options.ledger.pages(({ inherited }) => which === 'all' || !inherited)
    for (const migrations of ledger) yield { statements: [], rows: 0, damaged: [], migrations }
  }

  /**
   * Starts an export of the rows of one table as text, to be read with `nextText`.
   * @throws PerSQLError `database_not_found`, `text_not_utf8`
   */
  beginTable(id: string | undefined, table: string, format: RowFormat): number {
    assertSource(this.#options, id)
    const damaged = findDamagedText(this.#options.storage.kv, table)
    if (damaged) throw notUtf8(damaged)
    return this.#begin(rowsOut(this.#read, table, format))
  }

  #begin(pages: Copy['pages']): number {
    const copy = ++this.#last
    this.#copies.set(copy, { pages, timer: undefined, isHeld: false, ended: () => {} })
    this.#thaw ??= this.#freeze()
    this.#watch(copy)
    return copy
  }

  /** Lets writes, and tasks that can replace all tables, wait. */
  #freeze(): () => void {
    const { writes, exclusion } = this.#options
    const steps = [writes.freeze(), exclusion.share()]
    return () => {
      for (const thaw of steps) thaw()
    }
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
    this.#options.charge(this.#rowsRead)
    this.#rowsRead = 0
    this.#thaw?.()
    this.#thaw = undefined
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
