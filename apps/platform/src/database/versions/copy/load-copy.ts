import { PerSQLError } from '@persql/contract'
import { assertRoom } from '../../../disk-space.ts'
import type { Remote } from '../../../remote.ts'
import { type Page, rebuilds } from '../../../sqlite/rows.ts'
import { dropSchema, type SchemaText } from '../../../sqlite/schema.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import type { StoredMigration } from '../../../sqlite/stored-migration.ts'
import type { DamagedText } from '../../../sqlite/walk.ts'
import type { LongTransaction } from '../../../storage/long-transaction.ts'
import { MAX_PAUSES_MS, Turns } from '../../../turns.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import type { CopyOffer, CopySource, Wanted } from './source.ts'

/** A running copy: its source and its target. */
export interface Loading {
  readonly source: Pick<Remote<CopySource>, 'begin' | 'next' | 'end'>
  readonly sourceId: string | undefined
  readonly wanted: Wanted
  /** Run at the start and at the end of the transaction. */
  readonly clear: () => void
  readonly end?: () => void
  /** The number of rows that the source must have. An object whose file is lost has none. */
  readonly expectedRows?: number
  /** Whether the copy can use the reserve of the disk, because it can be for an export, which deletes it. */
  readonly isTemporary?: boolean
  /** Stores migrations that were applied to the source. */
  readonly takeMigrations: (page: readonly StoredMigration[]) => void
}

/** The result of a copy: its rows, and the first text of each table that isn't UTF-8. */
export interface Loaded {
  readonly rows: number
  readonly damaged: readonly DamagedText[]
}

/**
 * Replaces all tables of a database by those of a source, in one transaction that can take a while. The caller holds
 * the exclusive lock and has turned foreign keys off.
 * @throws PerSQLError `took_too_long`, `copy_impossible`, `storage_full`
 */
export async function loadFrom(
  { sql }: DurableObjectStorage,
  inTransaction: LongTransaction,
  { source, sourceId, wanted, clear, end, takeMigrations, isTemporary = false, expectedRows = 0 }: Loading,
): Promise<Loaded> {
  const run = createRunSql(sql)
  const { copy, schema } = await source.begin(sourceId, false, '', wanted)
  try {
    let rows = 0
    const damaged = new Map<string, DamagedText>()
    await inTransaction(async (checkTime) => {
      clear()
      dropSchema(run)
      for (const table of schema.tables) run(table.sql)
      const turns = new Turns(MAX_PAUSES_MS)
      for (let page = await source.next(copy); page; page = await source.next(copy)) {
        assertRoom(isTemporary ? 'removes' : 'stores')
        loadPage(sql, page)
        if (page.migrations) takeMigrations(page.migrations)
        rows += page.rows
        for (const text of page.damaged) if (!damaged.has(text.table)) damaged.set(text.table, text)
        await turns.next()
        checkTime()
      }
      if (rows === 0 && expectedRows > 0) throw new PerSQLError('copy_impossible', { problem: 'its file is missing' })
      for (const other of schema.others) run(other.sql)
      rebuildAll(run, schema)
      end?.()
    })
    return { rows, damaged: [...damaged.values()] }
  } finally {
    await source.end(copy).catch(() => {
      // The copy times out on its own.
    })
  }
}

/** A schema with a few rows, read completely. */
export interface SmallCopy extends Pick<CopyOffer, 'schema' | 'bookkeeping'> {
  readonly pages: readonly Page[]
}

/**
 * Reads the schema of a parent, and the rows and migrations that a branch starts with. This happens before the branch
 * changes, because the parent can wait for the branch by then.
 * @throws PerSQLError `copy_cut_off` or `database_not_found`
 */
export async function readSmallCopy(source: Loading['source'], sourceId: string | undefined): Promise<SmallCopy> {
  const wanted: Wanted = { rows: 'bookkeeping', migrations: 'all' }
  const { copy, schema, bookkeeping } = await source.begin(sourceId, false, '', wanted)
  try {
    const pages: Page[] = []
    let characters = 0
    for (let page = await source.next(copy); page; page = await source.next(copy)) {
      const migrations = page.migrations?.map((stored) => {
        characters += stored.sql.length
        return characters <= MAX_CHARACTERS ? stored : { ...stored, sql: LEFT_OUT }
      })
      pages.push(migrations ? { ...page, migrations } : page)
    }
    return { schema, bookkeeping, pages }
  } finally {
    await source.end(copy).catch(() => {
      // The copy times out on its own.
    })
  }
}
/** The maximum length of all migrations; beyond it, only the name and the checksum are copied. */
const MAX_CHARACTERS = 16_000_000
const LEFT_OUT = '-- The SQL of this migration is stored in the database that it was first applied to.'

/**
 * Creates the schema and rows of a small copy in an empty database. Call it in a transaction, with foreign keys off.
 */
export function loadSmallCopy(
  sql: SqlStorage,
  { schema, pages }: SmallCopy,
  takeMigrations: Loading['takeMigrations'],
): void {
  for (const table of schema.tables) sql.exec(table.sql)
  for (const page of pages) {
    loadPage(sql, page)
    if (page.migrations) takeMigrations(page.migrations)
  }
  for (const other of schema.others) sql.exec(other.sql)
}

/** Rebuilds the full-text indexes of content in other tables. */
export function rebuildAll(run: RunSql, schema: SchemaText): void {
  for (const text of rebuilds(schema)) {
    try {
      run(text)
    } catch {
      // An indexed column doesn't exist, and didn't exist before either.
    }
  }
}

/** Inserts the rows of a page. */
export function loadPage(sql: SqlStorage, { statements }: Page): void {
  for (const statement of statements) sql.exec(statement.sql, ...statement.params)
}

/**
 * Turns foreign keys on or off. The runtime silently ignores the switch in an open transaction, so earlier writes are
 * committed first.
 * @throws PerSQLError `copy_cut_off` if the switch fails
 */
export async function enforceForeignKeys(storage: DurableObjectStorage, on: boolean): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    await storage.sync()
    storage.sql.exec(`PRAGMA foreign_keys = ${on ? 'ON' : 'OFF'}`)
    if ([...storage.sql.exec('PRAGMA foreign_keys').raw()][0]?.[0] === (on ? 1 : 0)) return
  }
  throw new PerSQLError('copy_cut_off')
}
