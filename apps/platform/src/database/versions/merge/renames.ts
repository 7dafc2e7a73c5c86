import { lower } from '../../../sqlite/identifiers.ts'
import { parseIdentifier, tokens, word } from '../../../sqlite/tokenizer.ts'

/** A renamed table or column: `table` is the name at that time. Without `from`, it is new. */
export interface Rename {
  readonly number: number
  readonly table: string
  readonly column?: string
  readonly from?: string
}

/** A schema change as the schema change log records it. */
interface Recorded {
  readonly number: number
  readonly sql: string
  readonly objects: readonly {
    readonly type: string
    readonly name: string
    readonly change: string
    readonly from?: string
  }[]
}

/** Returns the renames in a branch's schema changes, newest first, as `SchemaChangeLog.list` returns them. */
export function parseRenames(changes: readonly Recorded[]): Rename[] {
  return changes.flatMap(({ number, sql, objects }) => {
    const tables = objects.filter(({ type }) => type === 'table')
    const named = tables.flatMap(({ name, change, from }): Rename[] =>
      change === 'renamed' && from !== undefined
        ? [{ number, table: name, from }]
        : change === 'added'
          ? [{ number, table: name }]
          : [],
    )
    const column = tables.length === 1 && tables[0]?.change === 'changed' ? parseColumnChange(sql) : undefined
    return column ? [{ number, ...column }, ...named] : named
  })
}

/** Parses `ALTER TABLE t RENAME [COLUMN] a TO b` and `ALTER TABLE t ADD [COLUMN] b …`. */
function parseColumnChange(sql: string): Omit<Rename, 'number'> | undefined {
  const list = [...tokens(sql)]
  const words = list.map((token) => word(sql, token))
  const name = (at: number) => {
    const token = list[at]
    return token && parseIdentifier(sql, token)
  }
  if (words[0] !== 'ALTER') return undefined
  // The table name can follow a schema name.
  const at = list.findIndex((_, i) => i > 2 && ['RENAME', 'ADD'].includes(words[i] ?? '') && i <= 5)
  const table = name(at - 1)
  if (at < 0 || table === undefined) return undefined
  const first = words[at + 1] === 'COLUMN' && list.length > at + 2 ? at + 2 : at + 1
  const column = name(words[at] === 'ADD' ? first : first + 2)
  if (column === undefined || (words[at] === 'RENAME' && words[first + 1] !== 'TO')) return undefined
  return { table, column, ...(words[at] === 'RENAME' && { from: name(first) as string }) }
}

/**
 * Returns the name that a table had at the start of the branch, and those of its columns; unknown names stay the same.
 */
export function resolveOriginalName(
  renames: readonly Rename[],
  table: string,
): { table: string; column: (now: string) => string } {
  const mine: Rename[] = []
  let name = lower(table)
  for (const rename of renames) {
    if (lower(rename.table) !== name) continue
    if (rename.column !== undefined) mine.push(rename)
    else if (rename.from === undefined) return { table, column: (now) => now }
    else name = lower(rename.from)
  }
  return { table: name, column: (now) => columnOrigin(mine, now) }
}

function columnOrigin(renames: readonly Rename[], now: string): string {
  let name = lower(now)
  for (const { column, from } of renames) {
    if (column === undefined || lower(column) !== name) continue
    if (from === undefined) return now
    name = lower(from)
  }
  return name
}
