import { lower } from '../../sqlite/identifiers.ts'
import { SCHEMA_TABLE, type SchemaMap } from '../../sqlite/schema-map.ts'

/** The effect of a statement, read from the program that SQLite compiled for it. */
export interface Effect {
  readonly kind: 'read' | 'write' | 'schema'
  /** Tables read by the statement itself or by a view, trigger, foreign key or virtual table. */
  readonly reads: readonly string[]
  /** Tables written by the statement itself, a trigger, foreign key or virtual table. */
  readonly writes: readonly string[]
  /** Tables that lose all rows: DELETE without WHERE, DROP TABLE. */
  readonly cleared: readonly string[]
  /** Whether the program accesses a table whose name isn't known. */
  readonly unresolved: boolean
  /** Whether it can run long or write much: it has nested loops, loops without a known bound, or a loop and writes. */
  readonly mayRunLong: boolean
  /** The table to which the statement appends one row and does nothing else, unless it can skip the row. */
  readonly appendsTo: string | undefined
  /** Whether it writes to a virtual table, whose rows SQLite doesn't count. */
  readonly writesVirtual: boolean
  /** The names of the triggers that it can fire. */
  readonly fires: readonly string[]
  /** The foreign keys that are checked at the end of the transaction: none, those declared so, or all from here on. */
  readonly defers: 'none' | 'declared' | 'all'
  /** The number of rowids that it can take from the sequence of a table with AUTOINCREMENT. */
  readonly countsOn: 'never' | 'once' | 'often'
  /** Whether it can set explicit rowids instead of taking the next ones. */
  readonly setsRowids: boolean
  /** Whether it can end the transaction by ROLLBACK, although callers share the transaction. */
  readonly rollsBack: boolean
}

/** The effect of a statement that accesses no table. */
export const NO_EFFECT: Effect = Object.freeze({
  kind: 'read',
  reads: [],
  writes: [],
  cleared: [],
  unresolved: false,
  mayRunLong: false,
  appendsTo: undefined,
  writesVirtual: false,
  fires: [],
  defers: 'none',
  countsOn: 'never',
  setsRowids: false,
  rollsBack: false,
})

/** A row of `EXPLAIN`: addr, opcode, p1, p2, p3, p4, p5, comment. */
type Instruction = readonly [number, string, number, number, number, string | null, number, ...unknown[]]

/** OpenRead and similar opcodes take the root page from a register if this bit of P5 is set: a table being created. */
const ROOT_IN_REGISTER = 0x10

const SCHEMA_CHANGES = new Set([
  'CreateBtree',
  'ParseSchema',
  'SetCookie',
  'Destroy',
  'DropTable',
  'DropIndex',
  'DropTrigger',
  'VCreate',
  'VDestroy',
  'VRename',
  'LoadAnalysis',
  'SqlExec',
  'Vacuum',
  'JournalMode',
  'IncrVacuum',
])
/** Opcodes of the watched families that access no stored table. */
const HARMLESS = new Set([
  'OpenAutoindex',
  'OpenDup',
  'OpenEphemeral',
  'OpenPseudo',
  'VBegin',
  'VColumn',
  'VFilter',
  'VInitIn',
  'VNext',
  'Variable',
  'Vacuum',
  'ClrSubtype',
])
/** An unknown opcode of these families could access a table, so the statement is refused. */
const WATCHED = /^(Open|Reopen|V[A-Z]|Clear|Destroy|Drop|Create|IntegrityCk|Checkpoint)/
/** The opcodes of an INSERT of one row without an explicit rowid; triggers, loops and rowids add others. */
const APPEND = new Set([
  ...['Init', 'Transaction', 'OpenWrite', 'Goto', 'Halt', 'HaltIfNull', 'NoConflict', 'TypeCheck'],
  ...['Variable', 'Cast', 'Null', 'SoftNull', 'Integer', 'Int64', 'Real', 'String8', 'Blob', 'Function', 'PureFunc'],
  ...['SCopy', 'IntCopy', 'Copy', 'Affinity', 'RealAffinity', 'MakeRecord', 'NewRowid', 'IdxInsert', 'Insert'],
])
/** The most entries in the table and its indexes that an appended row can have. */
export const MAX_APPENDED = 17
/** SQLite's number of the conflict resolution ROLLBACK. */
const ROLLBACK = 1
/** The start of a trigger's sub-program. */
const TRIGGER = '-- TRIGGER '
/** Commands of FTS5 that read its whole content. */
const COMMANDS: ReadonlySet<string> = new Set(['rebuild', 'integrity-check'])
/** Opcodes that can create a large value. */
const CALLS = new Set(['Function', 'PureFunc', 'Concat'])
const LOOPS = new Set(['Next', 'Prev', 'VNext', 'SorterNext', 'RowSetRead'])

/**
 * Reads the effect from an `EXPLAIN` listing, including the sub-programs of triggers and foreign keys.
 * @param checks whether it can run the check of a table's rows, as ALTER does for the table that it changes
 */
export function readEffect(program: readonly (readonly unknown[])[], schema: SchemaMap, checks = false): Effect {
  const reads = new Set<string>()
  const writes = new Set<string>()
  const cleared = new Set<string>()
  const fires = new Set<string>()
  let transaction = false
  let changesSchema = false
  let unresolved = false
  let loops = 0
  let calls = 0
  let inserts = 0
  let entries = 0
  let writesVirtual = false
  let appends = true
  let defers = false
  let counted = 0
  let isRepeated = false
  /** Cursors of the current program on `sqlite_sequence`, which each insert scans. */
  let onSequences = new Set<number>()
  let sequenceLoops = 0
  let rollsBack = false
  let isSet = false
  let isCopied = false
  let readsContent = false
  const hasCommand = program.some(([, opcode, , , , p4]) => opcode === 'String8' && COMMANDS.has(`${p4}`))

  const named = (root: number, database: number): string[] => {
    // ALTER also reads the schema of temporary tables, which the runtime keeps empty.
    const table = database === 0 ? schema.roots.get(root) : database === 1 && root === 1 ? SCHEMA_TABLE : undefined
    if (table === undefined) unresolved = true
    return table === undefined ? [] : [table]
  }
  const add = (set: Set<string>, tables: readonly string[]) => {
    for (const table of tables) set.add(table)
  }

  for (const [, opcode, p1, p2, p3, p4, p5] of program as readonly Instruction[]) {
    if (LOOPS.has(opcode)) loops++
    if (CALLS.has(opcode)) calls++
    if (opcode === 'Init') onSequences = new Set()
    if (opcode === 'Next' && onSequences.has(p1)) sequenceLoops++
    if (opcode === 'OpenRead' && schema.roots.get(p2) === 'sqlite_sequence') onSequences.add(p1)
    if (opcode === 'Init' && p4?.startsWith(TRIGGER)) fires.add(p4.slice(TRIGGER.length))
    if (SCHEMA_CHANGES.has(opcode)) changesSchema = true
    if (opcode === 'Insert') inserts++
    if (opcode === 'Insert' || opcode === 'IdxInsert') entries++
    if (opcode === 'VUpdate') writesVirtual = true
    if (!APPEND.has(opcode)) appends = false
    switch (opcode) {
      case 'Transaction':
        if (p2 > 0) transaction = true
        break
      case 'Halt':
      case 'HaltIfNull':
        if (p1 !== 0 && p2 === ROLLBACK) rollsBack = true
        break
      case 'FkCounter':
        if (p1 !== 0) defers = true
        break
      case 'NewRowid':
        // P3 is the register of AUTOINCREMENT, which also reads the sequence for the next rowid.
        if (p3 !== 0) counted++
        break
      case 'InitCoroutine':
        // Several rows of VALUES, or the rows of a SELECT.
        isRepeated = true
        break
      case 'MustBeInt':
        isSet = true
        break
      case 'MemMax':
        // The sequence follows the rowid of a row that is inserted, or copied with its rowid from another table.
        isCopied = true
        break
      case 'OpenRead':
      case 'ReopenIdx':
        if (!(p5 & ROOT_IN_REGISTER)) add(reads, named(p2, p3))
        break
      case 'OpenWrite':
        if (!(p5 & ROOT_IN_REGISTER)) add(writes, named(p2, p3))
        break
      case 'Clear': {
        const table = named(p1, p2)
        add(writes, table)
        add(cleared, table)
        break
      }
      case 'Destroy': {
        const table = named(p1, p3)
        add(writes, table)
        add(cleared, table)
        break
      }
      case 'VOpen':
      case 'VUpdate': {
        if (checks && p4 !== null && p4 === schema.check) break
        const tables = schema.virtual.get(p4 ?? '')
        if (tables === undefined) unresolved = true
        else add(reads, tables)
        // A scan can read all rows of a view.
        if (opcode === 'VOpen') readsContent ||= schema.ofViews.has(lower(tables?.[0] ?? ''))
        if (opcode === 'VUpdate') {
          // Commands read the whole content of a full-text table, which can be a view. Triggers usually insert a row.
          if ((tables?.length ?? 0) > 1) readsContent ||= fires.size === 0 || hasCommand
          add(writes, tables?.slice(0, 1) ?? [])
          if (p5 === ROLLBACK) rollsBack = true
        }
        break
      }
      default:
        if (WATCHED.test(opcode) && !HARMLESS.has(opcode) && !SCHEMA_CHANGES.has(opcode)) unresolved = true
    }
  }
  if (changesSchema) writes.add(SCHEMA_TABLE)
  const countsOn = counted === 0 ? 'never' : counted === 1 && loops === sequenceLoops && !isRepeated ? 'once' : 'often'
  return Object.freeze({
    kind: changesSchema || writes.has(SCHEMA_TABLE) ? 'schema' : transaction || writes.size > 0 ? 'write' : 'read',
    reads: [...reads].sort(),
    writes: [...writes].sort(),
    cleared: [...cleared].sort(),
    unresolved,
    mayRunLong: loops > 1 || readsContent || (writes.size > 0 && (loops > 0 || (isRepeated && calls > 0))),
    fires: [...fires].sort(),
    defers: defers ? 'declared' : 'none',
    countsOn,
    setsRowids: isSet || (isCopied && counted === 0),
    rollsBack,
    writesVirtual,
    appendsTo:
      appends &&
      counted === 0 &&
      inserts === 1 &&
      entries <= MAX_APPENDED &&
      program.some(([, opcode]) => opcode === 'NewRowid')
        ? [...writes][0]
        : undefined,
  })
}
