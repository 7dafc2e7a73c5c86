import { PerSQLError } from '../errors.ts'

/** A value of an engine. Integers are always BigInt, so none is rounded. */
export type Native = string | number | bigint | null | Uint8Array

/** A compiled statement. */
export interface Compiled {
  readonly columns: readonly string[]
  /** The text after the compiled statement. */
  readonly rest: string
  run(params: readonly Native[]): Native[][]
}

/** SQLite in this process. */
export interface Engine {
  compile(sql: string): Compiled
  close(): void
}

interface NodeStatement {
  readonly sourceSQL: string
  setReadBigInts(on: boolean): void
  setReturnArrays?(on: boolean): void
  columns?(): { name: string }[]
  all(...params: Native[]): Native[][]
}
interface NodeSqlite {
  DatabaseSync: new (path: string) => { prepare(sql: string): NodeStatement; exec(sql: string): void; close(): void }
}
interface BetterStatement {
  readonly reader: boolean
  raw(on: boolean): BetterStatement
  safeIntegers(on: boolean): BetterStatement
  columns(): { name: string }[]
  all(params: Native[]): Native[][]
  run(params: Native[]): unknown
}
type BetterSqlite = new (path: string) => { prepare(sql: string): BetterStatement; close(): void }

/** Opens a file or `:memory:` with the SQLite of Node, Deno or Bun, or with better-sqlite3. */
export async function openEngine(path: string): Promise<Engine> {
  const node = builtin()
  const engine = (node && nodeEngine(node, path)) ?? betterEngine(await better(), path)
  engine.compile('PRAGMA foreign_keys = ON').run([])
  return engine
}

/** Loads Node's SQLite without an import, which bundlers for browsers would reject. */
function builtin(): NodeSqlite | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
  try {
    return process?.getBuiltinModule?.('node:sqlite') as NodeSqlite | undefined
  } catch {
    return undefined
  }
}

async function better(): Promise<BetterSqlite> {
  // A variable hides the optional module from bundlers.
  const name = 'better-sqlite3'
  try {
    return (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)).default as BetterSqlite
  } catch (cause) {
    const message = 'Local mode requires Node 22.16 or newer, Deno, Bun, or the better-sqlite3 package.'
    throw new PerSQLError({ status: 0, code: 'no_local_engine', message, cause })
  }
}

function nodeEngine({ DatabaseSync }: NodeSqlite, path: string): Engine | undefined {
  const db = new DatabaseSync(path)
  const { setReturnArrays, columns } = Object.getPrototypeOf(db.prepare('SELECT 1')) as NodeStatement
  if (!setReturnArrays || !columns) {
    db.close()
    return undefined
  }
  return {
    compile(sql) {
      const statement = db.prepare(sql)
      statement.setReadBigInts(true)
      statement.setReturnArrays?.(true)
      return {
        columns: statement.columns?.().map(({ name }) => name) ?? [],
        rest: sql.slice(statement.sourceSQL.length),
        run: (params) => statement.all(...params),
      }
    },
    close: () => db.close(),
  }
}

function betterEngine(Better: BetterSqlite, path: string): Engine {
  const db = new Better(path)
  return {
    compile(sql) {
      let statement: BetterStatement
      try {
        statement = db.prepare(sql)
      } catch (cause) {
        const several = cause instanceof RangeError && /more than one statement/.test(cause.message)
        if (several) return { columns: [], rest: 'more', run: () => [] }
        throw cause
      }
      if (!statement.reader) {
        return {
          columns: [],
          rest: '',
          run: (params) => {
            statement.run([...params])
            return []
          },
        }
      }
      statement.raw(true).safeIntegers(true)
      return {
        columns: statement.columns().map(({ name }) => name),
        rest: '',
        run: (params) => statement.all([...params]),
      }
    },
    close: () => db.close(),
  }
}
