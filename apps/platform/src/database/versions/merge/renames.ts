import { lower, nameOf, tokens, word } from '../../../sqlite/tokenizer.ts'

/** A table or column that got another name: in `table`, as it was called then. Without `from`, it is new. */
export interface Rename {
  readonly number: number
  readonly table: string
  readonly column?: string
  readonly from?: string
}

/** A change of the schema as the record has it. */
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

/** What a branch's record of its changes says of names, the newest first, as `SchemaChanges.list` has them. */
export function renamesOf(changes: readonly Recorded[]): Rename[] {
  return changes.flatMap(({ number, sql, objects }) => {
    const tables = objects.filter(({ type }) => type === 'table')
    const named = tables.flatMap(({ name, change, from }): Rename[] =>
      change === 'renamed' && from !== undefined
        ? [{ number, table: name, from }]
        : change === 'added'
          ? [{ number, table: name }]
          : [],
    )
    const column = tables.length === 1 && tables[0]?.change === 'changed' ? columnOf(sql) : undefined
    return column ? [{ number, ...column }, ...named] : named
  })
}

/** `ALTER TABLE t RENAME [COLUMN] a TO b`, or `ALTER TABLE t ADD [COLUMN] b …`. */
function columnOf(sql: string): Omit<Rename, 'number'> | undefined {
  const list = [...tokens(sql)]
  const words = list.map((token) => word(sql, token))
  const name = (at: number) => {
    const token = list[at]
    return token && nameOf(sql, token)
  }
  if (words[0] !== 'ALTER') return undefined
  // A name may stand behind that of its schema.
  const at = list.findIndex((_, i) => i > 2 && ['RENAME', 'ADD'].includes(words[i] ?? '') && i <= 5)
  const table = name(at - 1)
  if (at < 0 || table === undefined) return undefined
  const first = words[at + 1] === 'COLUMN' && list.length > at + 2 ? at + 2 : at + 1
  const column = name(words[at] === 'ADD' ? first : first + 2)
  if (column === undefined || (words[at] === 'RENAME' && words[first + 1] !== 'TO')) return undefined
  return { table, column, ...(words[at] === 'RENAME' && { from: name(first) as string }) }
}

/** The name a table had where the branch began, and how its columns were called; the same where nothing is known. */
export function originOf(
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
