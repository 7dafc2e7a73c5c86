import { PerSQLError } from '@persql/contract'
import { lower, quoteName } from '../../sqlite/identifiers.ts'
import { diffOfStatement, type ObjectChange, readObjects } from '../../sqlite/schema-diff.ts'
import type { RunSql } from '../../sqlite/schema-map.ts'
import { isInternal } from '../../sqlite/system-tables.ts'
import { parseIdentifier, withoutRollback } from '../../sqlite/tokenizer.ts'
import type { Turns } from '../../turns.ts'
import type { Analysis } from '../authorizer/authorizer.ts'
import type { Grant } from '../calls/call.ts'
import type { Engine } from '../engine/engine.ts'
import type { Growth } from '../engine/growth.ts'
import { RetryRequired } from '../engine/retry-required.ts'
import { createRunSql } from '../engine/run-sql.ts'
import { userTables } from '../engine/schema.ts'
import { sqlError } from '../engine/sql-error.ts'
import { newViolation, type Violations, violations } from './foreign-keys.ts'
import { atLine } from './import-errors.ts'
import type { ImportStep, LongValue } from './import-steps.ts'

const MAX_KNOWN = 1_000
/** An INSERT that inserts every row or fails; other forms can replace or skip rows. */
const PLAIN_INSERT = /^INSERT\s+INTO\b/i

/** Applies the steps of an import with the permissions of its sender, in the caller's transaction. */
export class ImportApplier {
  readonly #storage: DurableObjectStorage
  readonly #engine: Engine
  readonly #grant: Grant
  readonly #growth: Growth
  readonly #run: RunSql
  readonly #before: ReturnType<typeof readObjects>
  readonly #violations: Violations
  /** INSERT clauses that this caller can run with the current schema. */
  readonly #known = new Map<string, Analysis>()
  readonly #tables = new Set<string>()
  readonly #rebuilds: { readonly table: string; readonly line: number }[] = []
  readonly used = { rowsRead: 0, rowsWritten: 0, rows: 0 }

  constructor(storage: DurableObjectStorage, engine: Engine, growth: Growth, grant: Grant) {
    this.#storage = storage
    this.#engine = engine
    this.#grant = grant
    this.#growth = growth
    this.#run = createRunSql(storage.sql)
    this.#before = readObjects(this.#run)
    this.#violations = violations(this.#run)
  }

  /**
   * Applies steps of the import until the turn is over. Returns whether steps are left.
   * @throws PerSQLError with the line; the caller then rolls everything back
   */
  apply(steps: Iterator<ImportStep>, turns: Pick<Turns, 'isOver'>): boolean {
    this.#engine.begin(true)
    this.#growth.begin()
    let step = steps.next()
    for (; !step.done; step = steps.next()) {
      this.#step(step.value)
      if (turns.isOver) break
    }
    this.#growth.check()
    return !step.done
  }

  /**
   * Completes the import: rebuilds indexes and checks foreign keys. Returns the tables and schema changes of the
   * import.
   */
  finish(): { readonly tables: string[]; readonly objects: ObjectChange[] } {
    for (const { table, line } of this.#rebuilds) {
      const name = quoteName(table)
      this.#statement(`INSERT INTO ${name} (${name}) VALUES ('rebuild')`, line)
    }
    const violated = newViolation(this.#violations, violations(this.#run))
    if (violated) throw new PerSQLError('import_failed', { reason: violated.reason }, { extra: violated.extra })
    const objects = diffOfStatement(this.#before, readObjects(this.#run))
    for (const { type, name } of objects) if (type === 'table') this.#tables.add(name)
    // Without the shadow tables of virtual tables.
    const known = new Set(userTables(this.#storage.sql, null).map(({ name }) => name))
    return { tables: [...this.#tables].filter((name) => known.has(name)).sort(), objects }
  }

  #step(step: ImportStep): void {
    if (step.kind === 'rows') this.#rows(withoutRollback(step.into), step.rows, step.lines)
    else if (step.kind === 'sql') this.#statement(step.sql, step.line)
    else if (step.kind === 'long') this.#insert(withoutRollback(step.into), step.row, step.line, step.params.map(bound))
    else if (step.kind === 'content') this.#insert(this.#intoFullText(step.table), step.row, step.line, [])
    else if (step.kind === 'sequence') this.#sequence(step.table, step.seq)
    else this.#rebuilds.push(step)
  }

  #statement(sql: string, line: number): void {
    const input = { sql, params: [] }
    try {
      const analysis = this.#engine.prepare(input, this.#grant)
      const result = this.#engine.run(analysis, input, true)
      const { kind, writes } = analysis.effect
      for (const table of writes) this.#tables.add(table)
      if (kind === 'schema') this.#known.clear()
      this.used.rows += result.changes ?? 0
      this.#count(result)
    } catch (cause) {
      if (cause instanceof RetryRequired) throw cause
      throw atLine(cause, line, sql)
    }
  }

  #rows(into: string, rows: readonly string[], lines: readonly number[]): void {
    const analysis = this.#authorize(into, rows[0] as string, lines[0] as number, [])
    const { sql } = this.#storage
    this.#checkSequences(analysis, 'often', lines[0] as number, into)
    try {
      this.#storage.transactionSync(() => this.#count(sql.exec(into + rows.join(','))))
    } catch (cause) {
      throw this.#culprit(analysis, into, rows, lines) ?? atLine(sqlError(cause, into), lines[0] as number, into)
    }
    this.used.rows += this.#inserted(into, rows.length)
  }

  #checkSequences(analysis: Analysis, takes: 'once' | 'often', line: number, into: string): void {
    try {
      this.#engine.checkSequences(analysis, takes)
    } catch (cause) {
      throw atLine(cause, line, into)
    }
  }

  /** Returns the number of rows that the last statement inserted, because conflicting rows can be skipped. */
  #inserted(into: string, rows: number): number {
    return PLAIN_INSERT.test(into) ? rows : (this.#run('SELECT changes()')[0]?.[0] as number)
  }

  /** Finds the rejected row by inserting the rows one at a time, in a transaction that is rolled back. */
  #culprit(
    analysis: Analysis,
    into: string,
    rows: readonly string[],
    lines: readonly number[],
  ): PerSQLError | undefined {
    let found: PerSQLError | undefined
    try {
      this.#storage.transactionSync(() => {
        rows.forEach((row, i) => {
          if (found) return
          try {
            this.#engine.checkSequences(analysis, 'once')
            this.#storage.sql.exec(into + row)
          } catch (cause) {
            found = atLine(sqlError(cause, into + row), lines[i] as number, into + row)
          }
        })
        throw found
      })
    } catch {
      return found
    }
    return found
  }

  #insert(into: string, row: string, line: number, params: (string | Uint8Array)[]): void {
    const analysis = this.#authorize(into, row, line, params)
    this.#checkSequences(analysis, 'once', line, into)
    try {
      this.#count(this.#storage.sql.exec(into + row, ...params))
    } catch (cause) {
      throw atLine(sqlError(cause, into), line, into + row)
    }
    this.used.rows += this.#inserted(into, 1)
  }

  /** Authorizes an INSERT once per clause: with plain values, its effect doesn't depend on the values. */
  #authorize(into: string, row: string, line: number, params: (string | Uint8Array)[]): Analysis {
    const known = this.#known.get(into)
    if (known) return known
    let analysis: Analysis
    try {
      const input = { sql: into + row, params }
      analysis = this.#engine.prepare(input, this.#grant)
      this.#engine.checkLock(analysis)
      if (!PLAIN_INSERT.test(into)) this.#engine.precheckDestructive([input], this.#grant)
      for (const table of analysis.effect.writes) this.#tables.add(table)
    } catch (cause) {
      if (cause instanceof RetryRequired) throw cause
      throw atLine(cause, line, into + row)
    }
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(into, analysis)
    return analysis
  }

  #intoFullText(table: string): string {
    const columns = this.#run('SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0', table)
    return `INSERT INTO ${quoteName(table)} (rowid, ${columns.map(([name]) => quoteName(name as string))}) VALUES `
  }

  /** Sets an AUTOINCREMENT counter. It never lowers the counter, because of the existing rows. */
  #sequence(literal: string, seq: string): void {
    const name = parseIdentifier(literal, { kind: 'quoted', start: 0, end: literal.length })
    const { tableScope } = this.#grant
    if (isInternal(name) || this.#run("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").length === 0) return
    if (tableScope !== null && !tableScope.some((each) => lower(each) === name)) {
      throw new PerSQLError('table_out_of_scope', { table: name })
    }
    const [[known] = []] = this.#run(`SELECT CAST(max(seq) AS TEXT) FROM sqlite_sequence WHERE name = ${literal}`)
    const highest = typeof known === 'string' && BigInt(known) > BigInt(seq) ? known : seq
    this.#run(`DELETE FROM sqlite_sequence WHERE name = ${literal}`)
    this.#run(`INSERT INTO sqlite_sequence (name, seq) VALUES (${literal}, ${highest})`)
  }

  #count({ rowsRead, rowsWritten }: { readonly rowsRead: number; readonly rowsWritten: number }): void {
    this.used.rowsRead += rowsRead
    this.used.rowsWritten += rowsWritten
  }
}

const bound = (value: LongValue): string | Uint8Array =>
  typeof value === 'string' ? value : Uint8Array.fromBase64(value.base64)
