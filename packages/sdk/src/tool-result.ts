import { PerSQLError } from './errors.ts'
import type { ToolError, ToolOptions, ToolResult, ToolRows } from './tools.ts'
import type { Int64, QueryResult, Row, Value } from './types.ts'

/** Runs a statement for an AI model. Errors that the model can fix are returned, all others are thrown. */
export function toolResult(
  run: () => Promise<QueryResult<Row<Int64>, Int64>>,
  { maxRows = 100 }: ToolOptions = {},
): Promise<ToolResult> {
  return mendable(async () => {
    const { columns, rows: all, changes } = await run()
    const rows = all.slice(0, maxRows).map((row) => row.map(toJson))
    const data = rows.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], value])) as Row)
    const truncated = all.length > maxRows ? ({ truncated: true } as const) : {}
    return { data, columns, rows, rowCount: all.length, ...truncated, ...(changes !== undefined && { changes }) }
  })
}

/** Converts a value to JSON: an integer that a number would round becomes text. */
export function toJson(value: Value<Int64>): Exclude<Value, Uint8Array> {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : `${value}`
  return value instanceof Uint8Array ? `<${value.length} ${value.length === 1 ? 'byte' : 'bytes'}>` : value
}

/** Returns a result without the duplicate rows in `data`. */
export async function withoutData(result: Promise<ToolResult>): Promise<ToolRows | ToolError> {
  const { data: _, ...rest } = await result
  return rest
}

/** Returns an error that an AI model can fix, and throws all others. */
export async function mendable<T>(run: () => Promise<T>): Promise<T | ToolError> {
  try {
    return await run()
  } catch (cause) {
    if (!(cause instanceof PerSQLError) || ![400, 403, 404, 408, 409].includes(cause.status)) throw cause
    const { errorDetail, approvalUrl, approvalToken } = cause.body as Partial<Record<string, never>>
    return { error: cause.message, code: cause.code, errorDetail, approvalUrl, approvalToken }
  }
}
