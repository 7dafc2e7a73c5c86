import type { Param, QueryResult } from '@persql/sdk'
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
export function toResultSet({ columns, rows, lastInsertRowid }: QueryResult): SqlResultSet {
  return {
    columnNames: columns,
    columnTypes: columns.map((_name, index) => toColumnType(rows.find((row) => row[index] !== null)?.[index])),
    rows: rows.map((row) => row.map(toResultValue)),
    ...(lastInsertRowid !== undefined && { lastInsertId: `${lastInsertRowid}` }),
  }
}

function toColumnType(value: unknown): ColumnType {
  if (typeof value === 'string') return ColumnTypeEnum.Text
  if (typeof value === 'number') return ColumnTypeEnum.UnknownNumber
  if (typeof value === 'bigint') return ColumnTypeEnum.Int64
  return value instanceof Uint8Array ? ColumnTypeEnum.Bytes : ColumnTypeEnum.Int32
}

const toResultValue = (value: unknown) => (typeof value === 'bigint' ? `${value}` : value)
