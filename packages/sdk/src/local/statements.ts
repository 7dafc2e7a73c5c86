import type { Count, Explanation } from '../types.ts'
import { encode, type WireResult } from '../values.ts'
import type { Compiled, Engine, Native } from './engine.ts'
import { assertAllowed, getVerb, outOfRange } from './refusals.ts'
import { createError, sqlError } from './sql-error.ts'

/** A statement in its wire form. */
export interface WireStatement {
  sql: string
  params?: unknown[] | Record<string, unknown>
  expect?: { rows?: Count; rowsWritten?: Count }
  /** The form of its result, from the body of the call. */
  format?: ResultFormat
}

/** The form of results. */
export interface ResultFormat {
  int64?: unknown
  rows?: unknown
}

/** Returns a statement with the form of results that a call asks for. @throws PerSQLError `invalid_input` */
export function withFormat<S extends WireStatement>(statement: S, { int64, rows }: ResultFormat): S {
  const refuse = (problem: string) => createError(400, 'invalid_input', problem)
  if (int64 !== undefined && !['number', 'text', 'object'].includes(int64 as string)) {
    throw refuse('"int64" must be "number", "text" or "object".')
  }
  if (rows !== undefined && rows !== 'objects') throw refuse('"rows" must be "objects".')
  return { ...statement, format: { int64, rows } }
}

const COMMENTS = /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g
const isEmpty = (sql: string) => /^[\s;]*$/.test(sql.replace(COMMENTS, ''))

/** A compiled statement with its values, one for each placeholder of `sql`. */
interface Prepared {
  readonly sql: string
  readonly compiled: Compiled
  readonly values: readonly Native[]
}

/** Compiles one statement and encodes its parameters. @throws PerSQLError with the codes of a server */
export function prepare(engine: Engine, { sql, params = [] }: WireStatement): Prepared {
  if (isEmpty(sql)) throw createError(400, 'empty_statement', 'The "sql" field contains no SQL statement.')
  assertAllowed(sql)
  const compiled = attempt(() => engine.compile(sql))
  if (!isEmpty(compiled.rest)) {
    const message = 'Only one statement is allowed per call. To run several, use batch or script.'
    throw createError(400, 'multiple_statements', message)
  }
  if (!Array.isArray(params)) return toPlain(engine, sql, compiled, bindNames(sql, params))
  const values = params.map(toNative)
  assertParameters(parameterCount(sql), values.length)
  return toPlain(engine, sql, compiled, values)
}

/**
 * Replaces placeholders with a name or a number by plain ones: engines bind those in different ways.
 * @param values the values by the number of their placeholder
 */
function toPlain(engine: Engine, sql: string, compiled: Compiled, values: readonly Native[]): Prepared {
  const numbers = new Map<string, number>()
  const inOrder: Native[] = []
  let highest = 0
  const text = sql.replace(TOKENS, (token: string, number?: string, variable?: string) => {
    if (number === undefined && variable === undefined) return token
    const at = number ? Number(number) : (numbers.get(variable ?? '') ?? highest + 1)
    if (variable) numbers.set(variable, at)
    highest = Math.max(highest, at)
    inOrder.push(values[at - 1] ?? null)
    return '?'
  })
  if (text === sql) return { sql, compiled, values }
  const { run } = attempt(() => engine.compile(text))
  // Result columns are named after the placeholders of the original text.
  return { sql: text, compiled: { ...compiled, run }, values: inOrder }
}

/** Returns named values by the number of their placeholder. @throws PerSQLError if a name is missing or unknown */
function bindNames(sql: string, params: Record<string, unknown>): Native[] {
  const given = new Map(Object.entries(params).map(([name, value]) => [name.replace(/^[:@$]/, ''), toNative(value)]))
  const numbers = new Map<string, number>()
  const values: Native[] = []
  const used = new Set<string>()
  for (const [, number, variable] of sql.matchAll(TOKENS)) {
    if (number === undefined && variable === undefined) continue
    if (number === '') throw parameterError('too_few_params', 'A placeholder "?" has no name.')
    const name = variable?.slice(1) ?? String(Number(number))
    const at = number ? Number(number) : (numbers.get(variable ?? '') ?? values.length + 1)
    if (variable) numbers.set(variable, at)
    for (let i = values.length; i < at; i++) values.push(null)
    // A number can stand for a parameter that has a name.
    if (!variable && !given.has(name) && [...numbers.values()].includes(at)) continue
    if (!given.has(name)) throw parameterError('too_few_params', `Missing parameter "${name}".`)
    values[at - 1] = given.get(name) as Native
    used.add(name)
  }
  for (const name of given.keys())
    if (!used.has(name)) throw parameterError('too_many_params', `Unknown parameter "${name}".`)
  return values
}

/** Runs one statement. Its row counts are estimates, because this SQLite has no meter. */
export function execute(engine: Engine, statement: WireStatement): WireResult {
  const { sql, compiled, values } = prepare(engine, statement)
  const { kind } = getEffect(engine, sql, values)
  const total = () => Number(engine.compile('SELECT total_changes()').run([])[0]?.[0])
  const before = total()
  const { int64, rows: shape } = statement.format ?? {}
  const { columns } = compiled
  if (shape === 'objects') assertDistinct(columns)
  const toForm = (value: Native) => toWire(value, int64)
  const read = () => attempt(() => compiled.run(values)).map((row) => row.map(toForm))
  const arrays = kind === 'write' && columns.length > 0 ? orUndo(engine, read) : read()
  const toObject = (row: unknown[]) => Object.fromEntries(columns.map((column, i) => [column, row[i]]))
  const rows = shape === 'objects' ? (arrays.map(toObject) as never) : arrays
  const rowsWritten = total() - before
  const result: WireResult = { columns: [...columns], rows, rowsRead: arrays.length, rowsWritten }
  if (kind !== 'write') return result
  const [counts] = engine.compile('SELECT changes(), last_insert_rowid()').run([])
  result.changes = rowsWritten > 0 ? Number(counts?.[0]) : 0
  if (['INSERT', 'REPLACE', 'WITH'].includes(getVerb(statement.sql))) {
    const rowid = toRowid(counts?.[1] as bigint, int64)
    if (rowid !== undefined) result.lastInsertRowid = rowid
  }
  return result
}

/** Runs a function, and undoes what it wrote if it fails. */
export function orUndo<T>(engine: Engine, run: () => T): T {
  const command = (sql: string) => void engine.compile(sql).run([])
  command('SAVEPOINT persql_undo')
  try {
    const result = run()
    attempt(() => command('RELEASE persql_undo'))
    return result
  } catch (cause) {
    try {
      command('ROLLBACK TO persql_undo')
      command('RELEASE persql_undo')
    } catch {
      // The statement itself has rolled back the transaction.
    }
    throw cause
  }
}

const readProgram = (engine: Engine, sql: string, values: readonly Native[]) =>
  attempt(() => engine.compile(`EXPLAIN ${sql}`).run(values))

/** The resolutions of errors in programs that undo more than a statement, or less. */
const CLAUSES: ReadonlyMap<number, Inspected['clause']> = new Map([
  [1, 'ROLLBACK'],
  [3, 'FAIL'],
])

/** The properties of a statement that matter in an interactive transaction. */
export interface Inspected extends Pick<Explanation, 'kind'> {
  /** Whether it calls a function with random results, also in a default value or a trigger. */
  isRandom: boolean
  /** The conflict clause that undoes more than the statement, or keeps a part of it. */
  clause: 'ROLLBACK' | 'FAIL' | undefined
}

/** Inspects a statement for an interactive transaction. */
export function inspect(engine: Engine, { sql, values }: Pick<Prepared, 'sql' | 'values'>): Inspected {
  const { kind } = getEffect(engine, sql, values)
  if (kind === 'read') return { kind, isRandom: false, clause: undefined }
  const program = readProgram(engine, sql, values)
  return {
    kind,
    isRandom: program.some((row) => /^(Pure)?Function/.test(String(row[1])) && /^random(blob)?\(/.test(String(row[5]))),
    // Both instructions have the error in p1 and the resolution in p2.
    clause: program
      .filter(([, opcode, p1]) => /^Halt/.test(String(opcode)) && Number(p1) !== 0)
      .map(([, , , p2]) => CLAUSES.get(Number(p2)))
      .find((clause) => clause !== undefined),
  }
}

/** Returns the effect of a statement, read from the program that SQLite compiles for it. */
export function getEffect(engine: Engine, sql: string, values: readonly Native[]): Omit<Explanation, 'plan'> {
  if (getVerb(sql) === 'EXPLAIN') return { kind: 'read', reads: [], writes: [] }
  const program = readProgram(engine, sql, values)
  const names = new Map(
    engine
      .compile('SELECT rootpage, tbl_name FROM sqlite_master WHERE rootpage > 0')
      .run([])
      .map(([page, name]) => [Number(page), String(name)]),
  )
  const reads = new Set<string>()
  const writes = new Set<string>()
  let writing = false
  let schema = false
  for (const [, opcode, p1, p2] of program) {
    const name = (page: Native | undefined) => names.get(Number(page))
    if (opcode === 'OpenRead' && name(p2)) reads.add(name(p2) as string)
    if (opcode === 'OpenWrite' && name(p2)) writes.add(name(p2) as string)
    if (opcode === 'Clear' && name(p1)) writes.add(name(p1) as string)
    if (opcode === 'Transaction' && Number(p2) === 1) writing = true
    if (
      /^(CreateBtree|ParseSchema|SetCookie|Destroy|Drop(Table|Index|Trigger)|VCreate|VDestroy|VRename)$/.test(
        String(opcode),
      )
    )
      schema = true
  }
  return { kind: schema ? 'schema' : writing ? 'write' : 'read', reads: [...reads].sort(), writes: [...writes].sort() }
}

const TOKENS =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\?(\d*)|([:@$][A-Za-z_]\w*)/g

/** Counts the parameters of a statement: engines bind NULL to missing ones, a server rejects them. */
function parameterCount(sql: string): number {
  const named = new Set<string>()
  let count = 0
  for (const [, number, name] of sql.matchAll(TOKENS)) {
    if (number) count = Math.max(count, Number(number))
    else if (number === '' || (name && !named.has(name))) count++
    if (name) named.add(name)
  }
  return count
}

function assertParameters(needed: number, given: number): void {
  if (needed === given) return
  const kind = given > needed ? 'too_many_params' : 'too_few_params'
  const parameters = needed === 0 ? 'no parameters' : needed === 1 ? '1 parameter' : `${needed} parameters`
  throw parameterError(kind, `Expected ${parameters}, but got ${given}.`)
}

const parameterError = (kind: 'too_few_params' | 'too_many_params', message: string) =>
  createError(400, 'sql_error', message, { errorDetail: { kind, message } })

/** Runs a function and converts its SQLite errors. */
export function attempt<T>(run: () => T): T {
  try {
    return run()
  } catch (cause) {
    throw sqlError(cause)
  }
}

/** Converts a parameter. Integers are bound as integers, as on a server. */
function toNative(value: unknown): Native {
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  if (typeof value === 'object' && value) {
    const { base64, int64 } = value as { base64?: string; int64?: string }
    if (int64 !== undefined) return BigInt(int64)
    return Uint8Array.from(atob(base64 ?? ''), (char) => char.charCodeAt(0))
  }
  return value as Native
}

/** @throws PerSQLError `duplicate_column`, before the statement runs */
function assertDistinct(columns: readonly string[]): void {
  const column = columns.find((name, i) => columns.indexOf(name) < i)
  if (column === undefined) return
  const message = `Several columns are named "${column}". Name each with AS, or leave out "rows": "objects".`
  throw createError(400, 'duplicate_column', message)
}

/** Returns a rowid in a form; none as a number that would be rounded. */
function toRowid(value: bigint, int64: unknown): WireResult['lastInsertRowid'] {
  const isExact = int64 === 'text' || int64 === 'object' || Number.isSafeInteger(Number(value))
  return isExact ? (toWire(value, int64) as WireResult['lastInsertRowid']) : undefined
}

function toWire(value: Native, int64: unknown): WireResult['rows'][number][number] {
  if (value instanceof Uint8Array) return encode(value) as { base64: string }
  if (typeof value !== 'bigint') return value
  if (int64 === 'text') return `${value}`
  if (int64 === 'object') return { int64: `${value}` }
  if (Number.isSafeInteger(Number(value))) return Number(value)
  throw outOfRange('A value in the result', 'Use "int64": "text" or CAST(… AS TEXT).')
}
