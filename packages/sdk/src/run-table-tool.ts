import type { PerSQLDatabase } from './database.ts'
import { mendable, toJson, toolResult, withoutData } from './tool-result.ts'
import type { ToolOptions } from './tools.ts'
import type { Int64, Param } from './types.ts'

export { toolResult }

type Fields = Record<string, Param>
interface Input {
  table: string
  columns?: string[]
  where?: Fields
  orderBy?: string
  descending?: boolean
  limit?: number
  rows: Fields[]
  set: Fields
  sql: string
  params?: Param[]
  executionToken: string
}

const quote = (name: string) => `"${String(name).replaceAll('"', '""')}"`

/** Builds a WHERE clause. Columns are qualified with the table, because SQLite reads an unknown quoted name alone as a string. */
function matching({ table, where = {} }: Input): { text: string; values: Param[] } {
  const parts = Object.keys(where).map((column) => `${quote(table)}.${quote(column)} IS ?`)
  return { text: parts.length > 0 ? ` WHERE ${parts.join(' AND ')}` : '', values: Object.values(where) }
}

/** Runs a tool by name. Its input is an object, or JSON from a model. */
export async function runTableTool(
  db: PerSQLDatabase<Int64>,
  options: ToolOptions,
  name: string,
  given: unknown,
  required: readonly string[],
): Promise<unknown> {
  const input: Input = typeof given === 'string' ? JSON.parse(given || '{}') : (given ?? {})
  const missing = required.filter((field) => input[field as keyof Input] === undefined)
  if (missing.length > 0) {
    const list = missing.map((field) => `"${field}"`).join(', ')
    return { error: `Missing argument${missing.length > 1 ? 's' : ''} ${list}.`, code: 'invalid_input' }
  }
  const { table, columns, orderBy, descending, limit = 100, rows, set, sql, params, executionToken } = input
  const matched = matching(input)
  const run = (text: string, values: Param[]) => withoutData(toolResult(() => db.query(text, values), options))
  if ((name === 'update_rows' || name === 'delete_rows') && !matched.text) {
    return { error: '"where" needs at least one condition.', code: 'invalid_input' }
  }
  switch (name) {
    case 'list_tables':
      return mendable(() => db.tables())
    case 'describe_schema':
      return mendable(async () => {
        const schema = await db.schema()
        return table === undefined ? schema : schema.tables.filter((one) => one.name === table)
      })
    case 'select_rows': {
      const list = columns?.map((column) => `${quote(table)}.${quote(column)}`).join(', ') || '*'
      const order = orderBy ? ` ORDER BY ${quote(table)}.${quote(orderBy)}${descending ? ' DESC' : ''}` : ''
      return run(`SELECT ${list} FROM ${quote(table)}${matched.text}${order} LIMIT ?`, [...matched.values, limit])
    }
    case 'insert_rows':
      return mendable(async () => {
        const results = await db.transaction(rows.map((row) => insertion(table, row)))
        const { lastInsertRowid } = results.at(-1) ?? {}
        return {
          inserted: results.length,
          ...(lastInsertRowid !== undefined && { lastInsertRowid: toJson(lastInsertRowid) }),
        }
      })
    case 'update_rows': {
      const assignments = Object.keys(set).map((column) => `${quote(column)} = ?`)
      const values = [...Object.values(set), ...matched.values]
      return run(`UPDATE ${quote(table)} SET ${assignments.join(', ')}${matched.text}`, values)
    }
    case 'delete_rows':
      return run(`DELETE FROM ${quote(table)}${matched.text}`, matched.values)
    case 'validate_sql':
      return mendable(() => db.validate(sql, params))
    case 'explain_sql':
      return mendable(() => db.explain(sql, params))
    case 'propose_mutation':
      return mendable(() => db.proposals.propose(sql, { params }))
    case 'apply_mutation':
      return withoutData(toolResult(() => db.proposals.apply(executionToken), options))
    default:
      return run(sql, params ?? [])
  }
}

function insertion(table: string, row: Fields): { sql: string; params: Param[] } {
  const names = Object.keys(row).map(quote)
  const values = names.length > 0 ? `(${names}) VALUES (${names.map(() => '?')})` : 'DEFAULT VALUES'
  return { sql: `INSERT INTO ${quote(table)} ${values}`, params: Object.values(row) }
}
