import type { Value } from '@persql/sdk'
import { cut, visible, width } from './width.ts'

/** The output formats of rows. */
export const modes = ['table', 'csv', 'json', 'ndjson', 'line', 'markdown'] as const
export type Mode = (typeof modes)[number]

type Cell = Value | undefined | boolean | object

const hex = (bytes: Uint8Array) => `x'${Buffer.from(bytes).toString('hex')}'`

function shown(value: Cell, empty: string): string {
  if (value === null || value === undefined) return empty
  if (value instanceof Uint8Array) return hex(value)
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Converts a value to JSON, with bytes as base64. */
export const plain = (value: Cell): unknown =>
  value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value

const pad = (text: string, columns: number, right: boolean) => {
  const space = ' '.repeat(Math.max(0, columns - width(text)))
  return right ? space + text : text + space
}

/** Formats rows as a table with right-aligned numbers. `max` is the maximum width of a cell. */
export function table(columns: readonly string[], rows: readonly (readonly Cell[])[], max = Number.POSITIVE_INFINITY) {
  const cells = rows.map((row) => columns.map((_, i) => cut(visible(shown(row[i], 'NULL')), max)))
  const heads = columns.map(visible)
  const widths = heads.map((head, i) => cells.reduce((most, row) => Math.max(most, width(row[i] ?? '')), width(head)))
  const numeric = columns.map(
    (_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number' || row[i] === null),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => pad(cell, widths[i] ?? 0, numeric[i] ?? false))
      .join('  ')
      .trimEnd()
  return [line(heads), widths.map((columns) => '─'.repeat(columns)).join('  '), ...cells.map(line)].join('\n')
}

const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
const piped = (text: string) => visible(text).replaceAll('|', '\\|')

/** Formats the rows of a result. */
export function render(
  mode: Mode,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  max?: number,
): string {
  const objects = () => rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, plain(row[i])])))
  switch (mode) {
    case 'table':
      return table(columns, rows, max)
    case 'csv':
      return [columns.map(quoted), ...rows.map((row) => row.map((cell) => quoted(shown(cell, ''))))]
        .map((row) => row.join(','))
        .join('\n')
    case 'json':
      return JSON.stringify(objects(), null, 2)
    case 'ndjson':
      return objects()
        .map((row) => JSON.stringify(row))
        .join('\n')
    case 'line': {
      const widest = Math.max(0, ...columns.map(width))
      const one = (row: readonly Cell[]) =>
        columns.map((name, i) => `${pad(visible(name), widest, true)} = ${visible(shown(row[i], 'NULL'))}`).join('\n')
      return rows.map(one).join('\n\n')
    }
    case 'markdown':
      return [
        columns.map(piped),
        columns.map(() => '---'),
        ...rows.map((row) => row.map((cell) => piped(shown(cell, 'NULL')))),
      ]
        .map((row) => `| ${row.join(' | ')} |`)
        .join('\n')
  }
}

/** Formats a list as a table with the given columns. */
export function listing<T extends object>(
  rows: readonly T[],
  columns: readonly (keyof T & string)[],
  none: string,
): string {
  if (rows.length === 0) return none
  return table(
    columns,
    rows.map((row) => columns.map((name) => (row[name] ?? '') as Cell)),
  )
}

/** Formats the fields of an object, one per line. */
export function fields(object: object): string {
  const entries = Object.entries(object).filter(([, value]) => value !== null && value !== undefined)
  const widest = Math.max(0, ...entries.map(([name]) => name.length))
  return entries.map(([name, value]) => `${name.padEnd(widest)}  ${visible(shown(value as Cell, ''))}`).join('\n')
}

/** Formats an amount in US dollars with all significant digits. */
export const money = (usd: number): string =>
  `$${usd !== 0 && Math.abs(usd) < 0.01 ? usd.toFixed(9).replace(/0+$/, '') : usd.toFixed(2)}`

/** Formats a number with its noun: "1 row", "2 rows". */
export const count = (number: number, noun: string): string =>
  `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`

/** Formats a size in bytes with a unit. */
export function size(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB']
  const power = Math.min(units.length - 1, bytes > 0 ? Math.floor(Math.log10(bytes) / 3) : 0)
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`
}
