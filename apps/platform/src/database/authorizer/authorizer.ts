import { type MemberRole, PerSQLError, type Role } from '@persql/contract'
import { limitingRole } from '../../authority.ts'
import { lower, quoteName } from '../../sqlite/identifiers.ts'
import { hideRuntimeTables } from '../../sqlite/runtime-tables.ts'
import { type RunSql, readSchemaMap, SCHEMA_TABLE, type SchemaMap } from '../../sqlite/schema-map.ts'
import { parseStatement, type Statement } from '../../sqlite/tokenizer.ts'
import type { Bound, Params } from '../calls/values.ts'
import { readShapes, type Shape, WHOLE_FILE } from '../reads/shape.ts'
import { readAssigned } from '../versions/ids/assigned.ts'
import { Binder, type BoundSql } from './bind.ts'
import { type ChangedTables, NO_CHANGE, readTouched } from './changed-tables.ts'
import { type Counters, NO_COUNTERS, readCounters } from './counters.ts'
import { type DestructiveEffect, getDestructiveEffect } from './destructive.ts'
import type { JsonLayout } from './json-binding.ts'
import { assertCanRun } from './never-runs.ts'
import { isSyntaxError, scopeRefusal, writesLike } from './out-of-scope.ts'
import { Parameters } from './parameters.ts'
import { readPragma } from './pragma.ts'
import { readRandom } from './random.ts'
import { isHidden, isReserved } from './reserved.ts'
import { type Effect, readEffect } from './statement-effect.ts'

/** The permissions of a caller in one database. */
export interface Permission {
  readonly role: Role
  /** The only tables that the caller can access; `null` for all. */
  readonly tableScope: readonly string[] | null
  /** The role of the member who calls directly or through an app. */
  readonly memberRole?: MemberRole | undefined
}

/** A statement with all facts that are required before it runs. */
export interface Analysis {
  readonly statement: Statement
  readonly effect: Effect
  /** `sqlite_sequence` is written only because a table has AUTOINCREMENT; the statement doesn't name it. */
  readonly sequenceImplied: boolean
  /** A written table that belongs to PerSQL, if any. */
  readonly reserved: string | undefined
  /** A read table that no tenant may read, if any. */
  readonly hidden: string | undefined
  /** How the statement deletes rows that it doesn't select, if it does. */
  readonly loss: DestructiveEffect | undefined
  readonly parameters: Parameters
  /** How values become JSON arrays, for a statement with more parameters than the runtime binds. */
  readonly layout?: JsonLayout | undefined
  /** Counters of the connection that the statement reads or sets. */
  readonly counters: Counters
  /** The tables that the statement changes, for the change feed and webhooks. */
  readonly touched: ChangedTables
  /** Tables in which the highest ID determines the next one, unless another part of the statement reads them. */
  readonly assigned: readonly string[]
  /** The facts for an estimate of a read's duration; `undefined` for statements that can't take long, and for writes. */
  readonly shape: Shape | undefined
  /** The random function that a write calls, if any: it writes other values if it runs again. */
  readonly random: string | undefined
  /** The cookie of the schema that the statement was compiled with; `null` if it reads no table. */
  readonly cookie: number | null
  /** Returns the SQL to run for these parameters, with integers bound as integers. */
  bind(params: Params): BoundSql
  /**
   * The names of the result's columns, cached by the first run until the schema changes, because reading them is slow.
   */
  columns?: readonly string[]
}

const MAX_ANALYSES = 1_000
const MAX_CACHED_SQL = 8_192

/** Statements that require a private connection, with their alternatives. */
const NOT_HERE: Record<string, string> = {
  BEGIN: 'Use batch with "transaction": true, or start a transaction with POST …/transactions.',
  COMMIT: 'Use batch with "transaction": true, or POST …/transactions/{id}/commit.',
  END: 'Use batch with "transaction": true, or POST …/transactions/{id}/commit.',
  ROLLBACK:
    'Use batch with "transaction": true, where the first error rolls everything back, or POST …/transactions/{id}/rollback.',
  SAVEPOINT: 'Start a transaction with POST …/transactions. It can have savepoints.',
  RELEASE: 'Start a transaction with POST …/transactions. It can have savepoints.',
  ATTACH: 'Databases are isolated. Query them one at a time.',
  DETACH: 'Databases are isolated. Query them one at a time.',
  VACUUM: 'Free space is reused automatically.',
}
/** Statements that rebuild or describe the schema, regardless of their compiled program. */
const SCHEMA_VERBS = new Set(['CREATE', 'ALTER', 'DROP', 'REINDEX', 'ANALYZE'])
/** Statements that scan every table without returning or changing rows. */
const MAINTENANCE_VERBS = new Set(['REINDEX', 'ANALYZE'])

/** Compiles statements with SQLite to find what they would do. One per database; it caches by SQL text. */
export class Authorizer {
  readonly #run: RunSql
  readonly #analyses = new Map<string, Analysis>()
  #schema: SchemaMap | undefined

  constructor(run: RunSql) {
    this.#run = run
  }

  /**
   * Compiles `sql` without running it.
   * @throws PerSQLError if no caller can run it; SQLite's own error if it doesn't compile
   */
  analyse(sql: string, params: Params): Analysis {
    const known = this.#analyses.get(sql)
    if (known) return known
    const analysis = this.#analyse(parseStatement(sql), params)
    if (sql.length <= MAX_CACHED_SQL) {
      if (this.#analyses.size >= MAX_ANALYSES) this.#analyses.delete(this.#analyses.keys().next().value as string)
      this.#analyses.set(sql, analysis)
    }
    return analysis
  }

  /**
   * Returns the refusal that replaces `cause` for a caller with a table scope: if a statement names a table out of
   * scope, the caller learns only that.
   */
  refusalInScope(sql: string, { tableScope }: Permission, cause: unknown): PerSQLError | undefined {
    if (tableScope === null) return undefined
    let statement: Statement
    try {
      statement = parseStatement(sql)
    } catch {
      return undefined // not a statement, or one that can't run here
    }
    const changesSchema = SCHEMA_VERBS.has(statement.verb)
    // SQLite resolves names only after it parsed the whole statement, except in statements that change the schema.
    if (!changesSchema && isSyntaxError(cause)) return undefined
    this.#schema ??= readSchemaMap(this.#run)
    const { views, virtuals } = this.#schema
    const assertMay = (...texts: string[]) => {
      for (const text of texts) authorize(this.analyse(text, []), { role: 'admin', tableScope })
    }
    return scopeRefusal(statement, changesSchema, {
      isInScope: inScope(tableScope),
      isView: (name) => views.has(name),
      isVirtual: (name) => virtuals.has(name),
      assertReadable: (table) => assertMay(`SELECT * FROM ${quoteName(table)}`),
      // A compiled statement was checked with all its effects, including triggers and foreign keys.
      ...(!(cause instanceof PerSQLError) && {
        assertWritable: (table) => assertMay(...writesLike(statement, table, this.#readColumns(table))),
      }),
    })
  }

  #readColumns(table: string): string[] {
    return this.#run('SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0', table).map(([name]) => name as string)
  }

  /** Drops the cache. Call it when the schema changed, or when a schema change was rolled back. */
  invalidate(): void {
    this.#analyses.clear()
    this.#schema = undefined
  }

  /**
   * Analyzes a statement with the runtime's tables hidden from the catalog, or with the whole catalog if it doesn't
   * compile that way.
   */
  #analyse(statement: Statement, params: Params): Analysis {
    const hiding = hideRuntimeTables(statement)
    if (hiding !== statement) {
      try {
        return this.#compile(hiding, params)
      } catch {
        // The statement uses the catalog's rowid, for example, or defines a table of that name in WITH. The compiler
        // reports real errors below.
      }
    }
    return this.#compile(statement, params)
  }

  #compile(statement: Statement, params: Params): Analysis {
    const { verb } = statement
    const instead = NOT_HERE[verb]
    if (instead) throw new PerSQLError('statement_not_allowed', { what: verb, instead })
    if (verb === 'PRAGMA') return pragmaAnalysis(statement)
    assertCanRun(statement)
    const parameters = new Parameters(statement)
    const binder = new Binder(statement, parameters.count)
    // Values don't change the program, so it is read before the number of values is checked: scope and role come first.
    const given = parameters.inOrder(params)
    const inner = binder.bind(Array.from({ length: parameters.count }, (_, i): Bound => given[i] ?? null))
    const program = this.#run(`EXPLAIN ${inner.sql}`, ...inner.values)
    assertAvailable(program)
    assertAvailable(program)
    this.#schema ??= readSchemaMap(this.#run)
    const compiled = readEffect(program, this.#schema, verb === 'ALTER')
    if (compiled.rollsBack && statement.explain === 'no') throw rollsBack(compiled)
    const shapes = readShapes(program, this.#schema)
    const effect: Effect = {
      ...compiled,
      kind: SCHEMA_VERBS.has(verb) ? 'schema' : compiled.kind,
      mayRunLong: compiled.mayRunLong || shapes.some((shape) => shape?.isUnbounded),
    }
    const sequenceImplied =
      effect.kind !== 'read' &&
      !mentions(statement, 'sqlite_sequence') &&
      !this.#schema.programs.includes('sqlite_sequence')
    const explained: Effect = {
      ...effect,
      kind: 'read',
      cleared: [],
      mayRunLong: false,
      defers: 'none',
      countsOn: 'never',
    }
    return {
      reserved: effect.writes.find(isReserved),
      hidden: effect.reads.find(isHidden),
      parameters,
      counters: readCounters(program),
      loss: getDestructiveEffect(statement),
      touched: readTouched(program, statement, this.#schema),
      assigned: statement.explain === 'no' ? readAssigned(program, this.#schema) : [],
      statement,
      effect: Object.freeze(statement.explain === 'no' ? effect : explained),
      sequenceImplied,
      shape: effect.kind === 'read' && statement.explain === 'no' ? shapes[0] : undefined,
      random: effect.kind === 'read' || statement.explain !== 'no' ? undefined : readRandom(program),
      cookie: readCookie(program),
      layout: binder.layout,
      bind: withPrefix(statement, (params) => binder.bind(parameters.inOrder(params))),
    }
  }
}

/** Refuses the function that SQLite compiles but always refuses to run. The runtime refuses others when it compiles them. */
function assertAvailable(program: readonly (readonly unknown[])[]): void {
  const isRefused = ([, opcode, , , , p4]: readonly unknown[]) =>
    (opcode === 'Function' || opcode === 'PureFunc') && /^load_extension\(/i.test(String(p4))
  if (program.some(isRefused)) throw new Error('not authorized to use function: load_extension: SQLITE_AUTH')
}

/** Returns the cookie of the schema that a program was compiled with. */
function readCookie(program: readonly (readonly unknown[])[]): number | null {
  const transaction = program.find(([, opcode]) => opcode === 'Transaction')
  return transaction === undefined ? null : (transaction[4] as number)
}

/** Analyzes a PRAGMA without compiling it. @throws PerSQLError */
function pragmaAnalysis(statement: Statement): Analysis {
  const { effect, sql, columns } = readPragma(statement)
  const text = `${getPrefix(statement)}${sql}`
  return {
    reserved: undefined,
    hidden: effect.reads.find(isHidden),
    parameters: new Parameters({ text: '', placeholders: [] }),
    counters: NO_COUNTERS,
    loss: undefined,
    touched: NO_CHANGE,
    assigned: [],
    statement,
    effect: Object.freeze(effect),
    sequenceImplied: false,
    shape: /foreign_key_check/i.test(statement.text) ? WHOLE_FILE : undefined,
    random: undefined,
    cookie: null,
    bind: () => ({ sql: text, values: [] }),
    ...(columns && statement.explain === 'no' && { columns }),
  }
}

/**
 * Returns the error for a ROLLBACK clause in the schema. It predates the rewriting of such clauses, or came with a
 * copy.
 */
function rollsBack({ fires }: Effect): PerSQLError {
  const what = fires.length > 0 ? `the table or its trigger (${fires.join(', ')})` : 'the table'
  return new PerSQLError('statement_not_allowed', {
    what: 'The conflict clause ROLLBACK',
    instead: `Recreate ${what} with ABORT, which has the same effect here.`,
  })
}

/** Checks that `permission` covers everything the statement would do, and denies in doubt. @throws PerSQLError */
export function authorize(
  { statement, effect, sequenceImplied, reserved, hidden }: Analysis,
  permission: Permission,
): void {
  if (effect.unresolved) throw new PerSQLError('table_unresolved')
  const { role, tableScope: scope } = permission
  const isMaintenance = MAINTENANCE_VERBS.has(statement.verb)
  if (scope !== null) {
    const isInScope = inScope(scope)
    for (const table of [...effect.writes, ...effect.reads]) {
      if (isInScope(table) || (sequenceImplied && table === 'sqlite_sequence')) continue
      throw new PerSQLError('table_out_of_scope', { table })
    }
    if (effect.kind === 'schema') throw new PerSQLError('table_out_of_scope', { table: SCHEMA_TABLE })
  }
  if (effect.kind !== 'read') {
    if (role === 'readonly') {
      throw new PerSQLError('role_insufficient', { role: limitingRole(permission), action: 'change data' })
    }
    if (role !== 'admin' && effect.kind === 'schema') {
      throw new PerSQLError('role_insufficient', { role: limitingRole(permission), action: `run ${statement.verb}` })
    }
    if (reserved !== undefined && !isMaintenance) throw new PerSQLError('table_protected', { table: reserved })
  }
  if (hidden !== undefined && !isMaintenance) throw new PerSQLError('table_protected', { table: hidden })
}

function inScope(scope: readonly string[]): (table: string) => boolean {
  const allowed = new Set(scope.map(lower))
  return (table) => allowed.has(lower(table)) && !isReserved(table)
}

/**
 * Returns a fingerprint of all schema objects that involve PerSQL's or the runtime's tables. It is compared before and
 * after a schema change, in its transaction: if it differs, the change reached a reserved object and is rolled back.
 */
export function reservedObjects(run: RunSql): string {
  const own = run(
    `SELECT type, name, tbl_name, sql FROM sqlite_master
     WHERE lower(name) GLOB '_persql_*' OR lower(tbl_name) GLOB '_persql_*'
        OR lower(name) GLOB '_cf_*' OR lower(tbl_name) GLOB '_cf_*' ORDER BY name`,
  )
  const references = run(
    `SELECT m.name FROM sqlite_master m, pragma_foreign_key_list(m.name) f
     WHERE m.type = 'table' AND lower(m.name) NOT GLOB '_cf_*' AND (lower(f."table") GLOB '_persql_*' OR lower(f."table") GLOB '_cf_*')`,
  )
  return JSON.stringify([own, references])
}

/** Adds the EXPLAIN of a statement to the SQL that runs. */
function withPrefix(statement: Statement, bind: Analysis['bind']): Analysis['bind'] {
  const prefix = getPrefix(statement)
  if (prefix === '') return bind
  return (params) => {
    const { sql, values } = bind(params)
    return { sql: prefix + sql, values }
  }
}

const getPrefix = ({ explain }: Statement): string =>
  explain === 'plan' ? 'EXPLAIN QUERY PLAN ' : explain === 'program' ? 'EXPLAIN ' : ''

const mentions = (statement: Statement, name: string) => lower(statement.text).includes(name)
