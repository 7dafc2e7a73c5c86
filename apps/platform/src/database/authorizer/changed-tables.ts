import type { Change, ChangeKind } from '@persql/contract'
import { SCHEMA_TABLE, type SchemaMap } from '../../sqlite/schema-map.ts'
import type { Statement } from '../../sqlite/tokenizer.ts'

/** The tables that a write can change, read from its program. */
export interface ChangedTables {
  /** The statement's own change, certain if SQLite's `changes()` is above zero. */
  readonly direct: Change | undefined
  /** Possible changes by its triggers and foreign keys. */
  readonly others: readonly Change[]
}

/** The result for a statement that changes no table. */
export const NO_CHANGE: ChangedTables = Object.freeze({ direct: undefined, others: [] })
/** Flags of P5: an `Insert` that writes an updated row back, and one that is counted. */
const IS_UPDATE = 0x04
const IS_COUNTED = 0x01

type Instruction = readonly [number, string, number, number, number, string | null, number, ...unknown[]]

/**
 * Reads the changed tables from an `EXPLAIN` listing: the statement's own program, then one for each trigger and
 * foreign key action.
 */
export function readTouched(
  program: readonly (readonly unknown[])[],
  statement: Statement,
  schema: SchemaMap,
): ChangedTables {
  const own = new Set<string>()
  const others = new Map<string, Set<ChangeKind>>()
  const note = (table: string | null | undefined, kind: ChangeKind) => {
    if (!table || isOurs(table)) return
    others.set(table, (others.get(table) ?? new Set()).add(kind))
  }
  let programs = 0
  let cursors = new Map<number, string | undefined>()
  for (const [address, opcode, p1, p2, , p4, p5] of program as readonly Instruction[]) {
    if (address === 0) {
      programs++
      cursors = new Map()
    }
    if (opcode === 'OpenWrite') cursors.set(p1, schema.roots.get(p2))
    if (programs === 1) {
      const table = ownTable(opcode, p1, p2, p4, schema)
      if (table && !isOurs(table)) own.add(table)
    } else if (opcode === 'Insert') note(p4, p5 & IS_UPDATE ? 'update' : 'insert')
    // The Delete of an update or of an index has no table name.
    else if (opcode === 'Delete') note(p4, 'delete')
    else if (opcode === 'Clear') note(schema.roots.get(p1), 'delete')
    // A table without rowids: the program doesn't show whether the row existed.
    else if (opcode === 'IdxInsert' && p5 & IS_COUNTED) note(cursors.get(p1), 'unknown')
    else if (opcode === 'VUpdate') note(schema.virtual.get(p4 ?? '')?.[0], 'unknown')
  }
  if (own.size === 0 && others.size === 0) return NO_CHANGE
  const [table] = own
  return {
    direct: table === undefined ? undefined : { table, kind: getKind(statement) },
    others: [...others].map(([table, kinds]) => ({ table, kind: single(kinds) })),
  }
}

function ownTable(opcode: string, p1: number, p2: number, p4: string | null, schema: SchemaMap): string | undefined {
  if (opcode === 'OpenWrite') return schema.roots.get(p2)
  if (opcode === 'Clear') return schema.roots.get(p1)
  return opcode === 'VUpdate' ? schema.virtual.get(p4 ?? '')?.[0] : undefined
}

function getKind({ verb, names }: Statement): ChangeKind {
  if (verb === 'UPDATE') return 'update'
  if (verb === 'DELETE') return 'delete'
  if (verb === 'REPLACE') return 'insert'
  if (verb !== 'INSERT') return 'unknown'
  return names.has('conflict') && names.has('update') ? 'unknown' : 'insert'
}

const single = (kinds: ReadonlySet<ChangeKind>): ChangeKind =>
  kinds.size === 1 ? ([...kinds][0] as ChangeKind) : 'unknown'

/** Returns the changes to report for a schema change that added, removed and changed these objects. */
export function listSchemaChanges(
  { others }: ChangedTables,
  objects: Readonly<Record<'added' | 'removed' | 'changed', readonly { readonly table: string }[]>>,
): readonly Change[] {
  const { added, removed, changed } = objects
  const tables = new Set([...added, ...removed, ...changed].map(({ table }) => table).filter((name) => !isOurs(name)))
  // SQLite empties a dropped table first, which can change the tables that reference it.
  const emptied = others.map(({ table }) => ({ table, kind: 'unknown' as const }))
  return [...[...tables].map((table) => ({ table, kind: 'schema' as const })), ...emptied]
}

/** Returns whether changes of a table are never reported. */
export const isOurs = (table: string): boolean => table === SCHEMA_TABLE || /^(sqlite|_persql|_cf)_/i.test(table)

/**
 * Returns the changes, from the number of rows that the statement itself and the rest of its program changed. If the
 * rest could have changed several tables, each is reported as `unknown`: a false report is better than a missing one.
 */
export function listChanges({ direct, others }: ChangedTables, ownRows: number, otherRows: number): Change[] {
  const changes = direct && ownRows > 0 ? [direct] : []
  if (otherRows <= 0) return changes
  return [
    ...changes,
    ...(others.length === 1 ? others : others.map(({ table }) => ({ table, kind: 'unknown' as const }))),
  ]
}
