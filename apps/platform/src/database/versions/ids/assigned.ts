import { SCHEMA_TABLE, type SchemaMap } from '../../../sqlite/schema-map.ts'

type Instruction = readonly [number, string, number, number, number, ...unknown[]]

type Program = readonly Instruction[]

/** Opcodes with which a statement looks for rows whose id it does not know. */
const SEARCHES = new Set(['Rewind', 'Last', 'SeekGE', 'SeekGT', 'SeekLE', 'SeekLT', 'Count'])
/** What a loop does with the rows that it finds, unless it only counts violations of a foreign key. */
const USES = /^(Yield|ResultRow|AggStep|MakeRecord|Insert|IdxInsert|SorterInsert|RowSetAdd|Integer|Program)$/

/**
 * Reads from an `EXPLAIN` listing the tables in which SQLite assigns ids by the highest one there is: those without
 * AUTOINCREMENT. A table whose rows the program also looks at is left out, except for what foreign keys look at.
 */
export function readAssigned(listing: readonly (readonly unknown[])[], schema: SchemaMap): readonly string[] {
  if (!listing.some(([, opcode]) => opcode === 'NewRowid')) return []
  const assigned = new Set<string>()
  const searched = new Set<string>()
  for (const program of programsOf(listing as Program)) {
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

/** The statement's own program, then one for each trigger and foreign key action. */
function programsOf(listing: Program): Instruction[][] {
  const programs: Instruction[][] = []
  for (const instruction of listing) {
    if (instruction[0] === 0) programs.push([])
    programs.at(-1)?.push(instruction)
  }
  return programs
}

/** Whether a loop that begins here only looks for rows that refer to the one that is inserted. */
function checksForeignKey(program: Program, at: number): boolean {
  const cursor = program[at]?.[2]
  const end = program.findIndex(([, opcode, p1], i) => i > at && opcode === 'Next' && p1 === cursor)
  const loop = program.slice(at, end + 1)
  return loop.some(([, opcode]) => opcode === 'FkCounter') && !loop.some(([, opcode]) => USES.test(opcode))
}
