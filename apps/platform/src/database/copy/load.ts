import { PerSQLError } from '@persql/contract'
import type { Remote } from '../../objects.ts'
import type { LongTransaction } from '../../storage/long-transaction.ts'
import type { Run } from '../guard/schema-map.ts'
import { type Page, rebuilds } from './rows.ts'
import { dropSchema, type SchemaText } from './schema.ts'
import type { CopySource } from './source.ts'

/**
 * Replaces all tables of a database by those of a source, in one transaction that may take a while: wholly, or not at
 * all. Nothing else may use the database meanwhile, and foreign keys must not be enforced. Returns how many rows were copied.
 * @throws PerSQLError `took_too_long`
 */
export async function loadFrom(
  { sql }: DurableObjectStorage,
  inTransaction: LongTransaction,
  source: Pick<Remote<CopySource>, 'begin' | 'next' | 'end'>,
  sourceId: string | undefined,
  clear: () => void,
): Promise<number> {
  const run: Run = (text, ...params) => [...sql.exec(text, ...params).raw()]
  const { copy, schema } = await source.begin(sourceId)
  try {
    let rows = 0
    await inTransaction(async (checkTime) => {
      clear()
      dropSchema(run)
      for (const table of schema.tables) run(table.sql)
      for (let page = await source.next(copy); page; page = await source.next(copy)) {
        loadPage(sql, page)
        rows += page.rows
        // Calls between objects do not let the process look for requests; a timer does.
        await scheduler.wait(0)
        checkTime()
      }
      for (const other of schema.others) run(other.sql)
      rebuildAll(run, schema)
    })
    return rows
  } finally {
    await source.end(copy).catch(() => {
      // It gives up by itself.
    })
  }
}

/** Fills the full-text indexes of what other tables hold. */
export function rebuildAll(run: Run, schema: SchemaText): void {
  for (const text of rebuilds(schema)) {
    try {
      run(text)
    } catch {
      // A column that it indexes is not there, and was not before either.
    }
  }
}

/** Inserts the rows of a page. */
export function loadPage(sql: SqlStorage, { statements }: Page): void {
  for (const statement of statements) sql.exec(statement.sql, ...statement.params)
}

/**
 * Has foreign keys enforced or not. With a transaction open the runtime ignores the switch without a word, so what was
 * written before is committed first. @throws PerSQLError `copy_cut_off` when it cannot be switched
 */
export async function enforceForeignKeys(storage: DurableObjectStorage, on: boolean): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    await storage.sync()
    storage.sql.exec(`PRAGMA foreign_keys = ${on ? 'ON' : 'OFF'}`)
    if ([...storage.sql.exec('PRAGMA foreign_keys').raw()][0]?.[0] === (on ? 1 : 0)) return
  }
  throw new PerSQLError('copy_cut_off')
}
