import { formatBytes } from '../../ui/format.ts'
import { isBytes, sizeOf, type Value } from './values.ts'

const SHOWN = 300

/** A value in one line: what is nothing, bytes, or longer than there is room looks unlike what was typed. */
export function CellView({ value, isCut = false }: { value: Value; isCut?: boolean }) {
  if (value === null) return <span className="text-muted italic">NULL</span>
  if (isBytes(value)) {
    return <span className="text-muted">blob · {isCut ? 'large' : formatBytes(sizeOf(value))}</span>
  }
  if (typeof value === 'number') return <span className="ml-auto tabular-nums">{value}</span>
  if (value === '') return <span className="text-muted italic">empty</span>
  const line = value.slice(0, SHOWN).replace(/\r?\n/g, ' ↵ ')
  return (
    <span className="truncate">
      {line}
      {(isCut || value.length > SHOWN) && '…'}
    </span>
  )
}

/** A width for a column that suits its name and what is in it, in pixels. */
export function widthOf(name: string, values: readonly Value[]): number {
  const lengths = values.map((value) => (value === null || isBytes(value) ? 12 : String(value).length))
  const longest = Math.max(name.length + 3, ...lengths)
  return Math.round(Math.min(320, Math.max(90, longest * 7.5 + 20)))
}
