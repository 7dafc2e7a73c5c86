import { SCHEMA_TABLE, type SchemaMap } from '../../../sqlite/schema-map.ts'

type Instruction = readonly [number, string, number, number, number, ...unknown[]]

type Program = readonly Instruction[]

/** Opcodes of a search for rows with unknown IDs. */
const SEARCHES = new Set(['Rewind', 'Last', 'SeekGE', 'SeekGT', 'SeekLE', 'SeekLT', 'Count'])
/** Opcodes that use the rows of a loop, unlike those that only count violations of a foreign key. */
const USES = /^(Yield|ResultRow|AggStep|MakeRecord|Insert|IdxInsert|SorterInsert|RowSetAdd|Integer|Program)$/

/**
 * Returns the tables in which a statement gets the next ID from the highest one, because they have no AUTOINCREMENT. It
 * reads an `EXPLAIN` listing and omits tables whose rows the program also reads, except for foreign key checks.
 */
export function readAssigned(listing: readonly (readonly unknown[])[], schema: SchemaMap): readonly string[] {
  if (!listing.some(([, opcode]) => opcode === 'NewRowid')) return []
  const assigned = new Set<string>()
  const searched = new Set<string>()
  for (const program of splitPrograms(listing as Program)) {
    const cursors = new Map<number, string>()
    for (const [at, [, opcode, p1, p2, p3]] of program.entries()) {
      if (opcode === 'OpenRead' || opcode === 'OpenWrite') {
        const table = schema.roots.get(p2)
        if (table !== undefined && table !== SCHEMA_TABLE) cursors.set(p1, table)
      }
      const table = cursors.get(p1)
      if (table === undefined) continue
      // P3 is the register of an AUTOINCREMENT counter.
      if (opcode === 'NewRowid' && p3 === 0) assigned.add(table)
      if (SEARCHES.has(opcode) && !checksForeignKey(program, at)) searched.add(table)
    }
  }
  return [...assigned].filter((table) => !searched.has(table))
}

/** Returns the statement's own program, then one for each trigger and foreign key action. */
function splitPrograms(listing: Program): Instruction[][] {
  const programs: Instruction[][] = []
  for (const instruction of listing) {
    if (instruction[0] === 0) programs.push([])
    programs.at(-1)?.push(instruction)
  }
  return programs
}

/** Returns whether the loop that starts here only searches for rows that reference the inserted one. */
function checksForeignKey(program: Program, at: number): boolean {
  const cursor = program[at]?.[2]
  const end = program.findIndex(([, opcode, p1], i) => i > at && opcode === 'Next' && p1 === cursor)
  const loop = program.slice(at, end + 1)
  return loop.some(([, opcode]) => opcode === 'FkCounter') && !loop.some(([, opcode]) => USES.test(opcode))
}
