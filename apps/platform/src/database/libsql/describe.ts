import { parseStatement, type Statement, tokens } from '../../sqlite/tokenizer.ts'
import type { Analysis } from '../authorizer/authorizer.ts'
import { numbering, restoreNames } from '../authorizer/bind.ts'
import type { Grant } from '../calls/call.ts'
import type { Engine } from '../engine/engine.ts'
import { readReturning } from '../engine/returning.ts'
import { createRunSql } from '../engine/run-sql.ts'
import { sqlError } from '../engine/sql-error.ts'
import { parseControl } from '../transactions/control.ts'
import type { Description } from './program.ts'

/** Describes a statement without running it. @throws PerSQLError if the caller can't run it */
export function describeStatement(sql: string, engine: Engine, grant: Grant, storage: SqlStorage): Description {
  const control = parseControl(sql)
  if (control) {
    const isReadonly = control.kind !== 'begin' || control.mode !== 'write'
    return { params: [], cols: [], is_explain: false, is_readonly: isReadonly }
  }
  const names = parameterNames(parseStatement(sql))
  const params = names.map(() => null)
  const analysis = engine.prepare({ sql, params }, grant)
  const types = engine.columnTypes.of(analysis)
  return {
    params: names.map((name) => ({ name })),
    cols: columnNames(analysis, params, storage).map((name, i) => ({ name, decltype: types[i] ?? null })),
    is_explain: analysis.statement.explain !== 'no',
    is_readonly: analysis.effect.kind === 'read',
  }
}

/** Returns the names of the parameters with their prefix, by number: `null` for those without a name. */
function parameterNames({ text, placeholders }: Statement): readonly (string | null)[] {
  const names: (string | null)[] = []
  for (const [i, number] of numbering(text, placeholders).entries()) {
    while (names.length < number) names.push(null)
    const name = text.slice(...(placeholders[i] as readonly [number, number]))
    if (name !== '?') names[number - 1] = name
  }
  return names
}

/** Returns the names of the columns of a result. */
function columnNames(analysis: Analysis, params: readonly null[], storage: SqlStorage): readonly string[] {
  const { statement, effect, layout } = analysis
  const { sql, values } = analysis.bind(params)
  if (statement.explain !== 'no' || statement.verb === 'PRAGMA') {
    return effect.kind === 'read' ? (analysis.columns ?? storage.exec(sql, ...values).columnNames) : []
  }
  if (effect.kind === 'read') return restoreNames(readNames(storage, sql, values), layout).map(withoutNumber)
  const returning = readReturning(statement, createRunSql(storage))
  if (!returning) return []
  return readNames(storage, `SELECT ${withoutParameters(returning.list)} FROM ${returning.target}`, []).map(
    withoutNumber,
  )
}

/** With this limit, SQLite stops before it reads the first row. */
function readNames(storage: SqlStorage, sql: string, values: readonly unknown[]): string[] {
  try {
    return storage.exec(`SELECT * FROM (${sql}\n) LIMIT 0`, ...values).columnNames
  } catch (cause) {
    throw sqlError(cause, sql)
  }
}

/** SQLite numbers equal names of a subquery's columns. */
const withoutNumber = (name: string, i: number, all: readonly string[]): string => {
  const plain = name.replace(/:\d+$/, '')
  return plain !== name && all.slice(0, i).includes(plain) ? plain : name
}

function withoutParameters(sql: string): string {
  let out = ''
  let from = 0
  for (const { kind, start, end } of tokens(sql)) {
    if (kind !== 'variable') continue
    out += `${sql.slice(from, start)}NULL`
    from = end
  }
  return out + sql.slice(from)
}
