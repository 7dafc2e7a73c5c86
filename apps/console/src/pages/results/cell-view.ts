import { formatBytes } from '../../ui/format.ts'
import type { GridCell } from '../../ui/grid-row.tsx'
import { getByteLength, isBytes, type Value } from './values.ts'

/** More characters than the widest column can show. */
const SHOWN = 160
const NULL: GridCell = { text: 'NULL', look: 'text-muted italic' }
const EMPTY: GridCell = { text: 'empty', look: 'text-muted italic' }

/** Formats a value in one line. NULL, empty text, bytes and truncated text look different from typed text. */
export function formatCell(value: Value, isCut = false): GridCell {
  if (value === null) return NULL
  if (typeof value === 'number') return { text: String(value), look: 'text-right tabular-nums' }
  if (isBytes(value))
    return { text: `blob · ${isCut ? 'large' : formatBytes(getByteLength(value))}`, look: 'text-muted' }
  if (value === '') return EMPTY
  const line = value.slice(0, SHOWN).replace(/\r?\n/g, ' ↵ ')
  return { text: isCut || value.length > SHOWN ? `${line}…` : line }
}

/** Returns the width in pixels of a column that fits its name and values. */
export function getColumnWidth(name: string, values: readonly Value[]): number {
  const lengths = values.map((value) => (value === null || isBytes(value) ? 12 : String(value).length))
  const longest = Math.max(name.length + 3, ...lengths)
  return Math.round(Math.min(320, Math.max(90, longest * 8 + 24)))
}
