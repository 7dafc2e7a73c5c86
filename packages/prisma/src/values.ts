import type { Param, QueryResult, Row, Value } from '@persql/sdk'
import { type ArgScalarType, type ColumnType, ColumnTypeEnum, type SqlResultSet } from '@prisma/driver-adapter-utils'

/** Converts an argument of a query. Prisma passes BigInt, Decimal, DateTime and Bytes as text. */
export function toParam(value: unknown, type: ArgScalarType | undefined): Param {
  if (value instanceof Date) return toText(value)
  if (typeof value !== 'string') return value as Param
  switch (type) {
    case 'bigint':
      return BigInt(value)
    case 'decimal':
      return Number.parseFloat(value)
    case 'datetime':
      return toText(new Date(value))
    case 'bytes':
      return Uint8Array.from(atob(value), (char) => char.charCodeAt(0))
    default:
      return value
  }
}

/** Formats a time as Prisma's other adapters for SQLite store it. */
const toText = (time: Date) => time.toISOString().replace('Z', '+00:00')

/** Converts a result. Prisma derives the types of model fields from its schema, and those of raw queries from the values. */
export function toResultSet({ columns, rows, lastInsertRowid }: QueryResult<Row<'bigint'>, 'bigint'>): SqlResultSet {
  const columnTypes = columns.map((_name, index) => toColumnType(rows.map((row) => row[index] ?? null)))
  return {
    columnNames: columns,
    columnTypes,
    rows: rows.map((row) => row.map((value, index) => toResultValue(value, columnTypes[index]))),
    ...(lastInsertRowid !== undefined && { lastInsertId: `${lastInsertRowid}` }),
  }
}

const isRounded = (value: unknown): boolean => typeof value === 'bigint' && !Number.isSafeInteger(Number(value))

/** Returns the type of a column by its values. Integers are numbers unless one of them would be rounded. */
function toColumnType(values: readonly Value<'bigint'>[]): ColumnType {
  const first = values.find((value) => value !== null)
  if (typeof first === 'string') return ColumnTypeEnum.Text
  if (first instanceof Uint8Array) return ColumnTypeEnum.Bytes
  if (first === undefined) return ColumnTypeEnum.Int32
  if (!values.some(isRounded)) return ColumnTypeEnum.UnknownNumber
  return values.some((value) => typeof value === 'number') ? ColumnTypeEnum.Numeric : ColumnTypeEnum.Int64
}

/** Converts a value. Columns with an integer that would be rounded contain text. */
function toResultValue(value: Value<'bigint'>, type: ColumnType | undefined): unknown {
  const isText = type === ColumnTypeEnum.Int64 || type === ColumnTypeEnum.Numeric
  if (isText && (typeof value === 'number' || typeof value === 'bigint')) return `${value}`
  if (typeof value !== 'bigint') return value
  return isRounded(value) ? `${value}` : Number(value)
}
