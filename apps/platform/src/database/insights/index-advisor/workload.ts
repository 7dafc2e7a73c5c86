import { lower } from '../../../sqlite/identifiers.ts'
import { type RunSql, readSchemaMap } from '../../../sqlite/schema-map.ts'
import { parseStatement, type Statement } from '../../../sqlite/tokenizer.ts'
import { Authorizer, authorize } from '../../authorizer/authorizer.ts'
import { castIntegers, numbering } from '../../authorizer/bind.ts'
import { MAX_LOGGED_SQL } from '../../metering/query-log.ts'
import { parseAccess } from './compiled-access.ts'
import { distinctStatements, type Entry, type Logged } from './logged-statements.ts'

/** A statement of the query log with its effect on tables. */
export interface Examined extends Logged {
  readonly kind: 'read' | 'write'
  readonly tables: readonly string[]
  /** The tables that the statement scans. */
  readonly scanned: readonly string[]
}

const MAX_EXAMINED = 50
/** Limits the statements taken from the log, so useless statements can't keep the object busy. */
const MAX_LOGGED = 200
const LOG = `SELECT sql, sum(rows_read), max(rows_read), max(duration_ms) FROM
  (SELECT * FROM _persql_query_log WHERE sql <> '' ORDER BY id DESC LIMIT 10000)
  WHERE status = 200 AND operation IN ('query', 'batch') AND rows_read > 0
  GROUP BY sql ORDER BY 2 DESC LIMIT ${MAX_LOGGED}`

/**
 * Returns the statements that read most rows. Excluded are statements that no longer compile, that use tables out of
 * scope or system tables, and recursive ones, which may never end with other parameters.
 */
export function examine(run: RunSql, scope: readonly string[] | null): Examined[] {
  const guard = new Authorizer(run)
  const { roots } = readSchemaMap(run)
  const examined: Examined[] = []
  for (const logged of distinctStatements(run(LOG) as unknown as Entry[], MAX_LOGGED_SQL)) {
    if (examined.length === MAX_EXAMINED) break
    const found = understand(logged, run, guard, roots, scope)
    if (found) examined.push(found)
  }
  return examined
}

function understand(
  logged: Logged,
  run: RunSql,
  guard: Authorizer,
  roots: ReadonlyMap<number, string>,
  tableScope: readonly string[] | null,
): Examined | undefined {
  try {
    const { sql } = logged
    const params = nulls(parseStatement(sql))
    const analysis = guard.analyse(sql, params)
    const { effect, statement } = analysis
    if (statement.explain !== 'no' || statement.verb === 'PRAGMA' || effect.kind === 'schema') return undefined
    authorize(analysis, { role: 'admin', tableScope })
    const tables = [...new Set([...effect.reads, ...effect.writes])].filter((table) => table !== 'sqlite_sequence')
    if (tables.length === 0 || tables.some(isInternal)) return undefined
    if (recursive(run, statement.text, params)) return undefined
    const scanned = [...parseAccess(run(`EXPLAIN ${statement.text}`, ...params)).scanned]
    const names = new Set(scanned.map((root) => roots.get(root)).filter((name) => name !== undefined))
    return { ...logged, kind: effect.kind, tables, scanned: tables.filter((table) => names.has(table)) }
  } catch {
    return undefined // it no longer compiles or is not allowed here
  }
}

/** Returns one NULL for each parameter of the statement. */
const nulls = ({ text, placeholders }: Statement): null[] =>
  Array(Math.max(0, ...numbering(text, placeholders))).fill(null)

const recursive = (run: RunSql, text: string, params: readonly unknown[]) =>
  run(`EXPLAIN QUERY PLAN ${text}`, ...params).some(([, , , detail]) => detail === 'RECURSIVE STEP')

const isInternal = (name: string) => /^(sqlite_|_persql_|_cf_)/.test(lower(name))

/** Returns the SQL that the engine would run for these values. */
export function bound(sql: string, params: readonly unknown[]): string {
  return castIntegers(parseStatement(sql), (index) => Number.isSafeInteger(params[index]))
}
