import type { Int64, Param, Params, QueryMeta, QueryResult, Value } from './types.ts'

/** A result in JSON, with bytes as base64. */
export interface WireResult {
  columns: string[]
  rows: WireValue[][]
  rowsRead: number
  rowsWritten: number
  changes?: number
  lastInsertRowid?: number | { int64: string }
}
type WireValue = Exclude<Value, Uint8Array> | { base64: string } | { int64: string }

/** Encodes a parameter for JSON. @throws TypeError for a value that JSON can't represent exactly */
export function encode(value: Param): unknown {
  if (value instanceof Uint8Array) {
    let text = ''
    for (let i = 0; i < value.length; i += 8192) text += String.fromCharCode(...value.subarray(i, i + 8192))
    return { base64: btoa(text) }
  }
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : { int64: String(value) }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new TypeError(`${value} isn't valid JSON.`)
  }
  return value
}

/** Encodes the parameters of a statement, by position or by name. */
export const encodeParams = (params: Params): unknown =>
  Array.isArray(params)
    ? params.map(encode)
    : Object.fromEntries(Object.entries(params).map(([name, value]) => [name, encode(value)]))

/** Returns the name of a form of integers in calls. */
export const toWireForm = (int64: unknown): unknown => (int64 === 'bigint' ? 'object' : int64)

function decode(value: WireValue | undefined): Value<Int64> | undefined {
  if (!value || typeof value !== 'object') return value
  return 'int64' in value ? BigInt(value.int64) : Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0))
}

/** Adds the rows as objects to a result. The result of `ask` has its counts in `meta`. */
export function toResult<T extends object, I extends Int64>(
  wire: Pick<WireResult, 'columns' | 'rows'> & Partial<WireResult>,
  meta: QueryMeta | undefined,
): QueryResult<T, I> {
  const { columns, rowsRead = meta?.rowsRead ?? 0, rowsWritten = meta?.rowsWritten ?? 0 } = wire
  const rows = wire.rows.map((row) => row.map(decode) as Value[])
  const data = rows.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], value])) as T)
  const given = { data, ...wire, rows, rowsRead, rowsWritten, lastInsertRowid: decode(wire.lastInsertRowid), meta }
  return given as unknown as QueryResult<T, I>
}
