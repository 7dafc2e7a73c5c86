import type { Remote } from '../../objects.ts'
import type { Run } from '../guard/schema-map.ts'
import { loadPage, rebuilds } from './rows.ts'
import { dropSchema } from './schema.ts'
import type { CopySource } from './source.ts'

/**
 * Replaces all tables of a database by those of a source, in one transaction that may take a while: wholly, or not at
 * all. Nothing else may use the database meanwhile. Returns how many rows were copied.
 */
export async function loadFrom(
  storage: DurableObjectStorage,
  source: Pick<Remote<CopySource>, 'begin' | 'next' | 'end'>,
  sourceId: string | undefined,
  clear: () => void,
): Promise<number> {
  const { sql } = storage
  const run: Run = (text, ...params) => [...sql.exec(text, ...params).raw()]
  // What was written before is committed by then: with a transaction open, the switch would be ignored.
  await storage.sync()
  sql.exec('PRAGMA foreign_keys = OFF')
  const { copy, schema } = await source.begin(sourceId)
  try {
    let rows = 0
    await storage.transaction(async () => {
      clear()
      dropSchema(run)
      for (const table of schema.tables) run(table.sql)
      for (let page = await source.next(copy); page; page = await source.next(copy)) {
        loadPage(sql, page)
        rows += page.rows
        // Calls between objects do not let the process look for requests; a timer does.
        await scheduler.wait(0)
      }
      for (const other of schema.others) run(other.sql)
      for (const text of rebuilds(schema)) run(text)
    })
    return rows
  } finally {
    sql.exec('PRAGMA foreign_keys = ON')
    await source.end(copy).catch(() => {
      // It gives up by itself.
    })
  }
}
