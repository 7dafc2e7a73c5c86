import type { SchemaMap } from '../../sqlite/schema-map.ts'

/** A row of `EXPLAIN`: addr, opcode, p1, p2, p3, p4, p5, comment. */
type Instruction = readonly [number, string, number, number, number, string | null, number, ...unknown[]]

/** A limit: a constant, or the index of the parameter that has it. */
type Limit = { readonly value: number } | { readonly parameter: number }

/** The rows that a loop goes through. */
export type LoopSource =
  /** Rows of a table: all, or those in a range of an index, which can have one end or two. */
  | { readonly kind: 'table'; readonly table: string; readonly isRange: boolean; readonly isHalfRange: boolean }
  /** Rows that the statement collected itself: one for each run of the instructions that insert them. */
  | { readonly kind: 'collected'; readonly inserts: readonly (readonly number[])[] }
  /** Rows of coroutines, each with the loops that it runs. */
  | { readonly kind: 'coroutines'; readonly loops: readonly (readonly number[])[] }
  /** Elements of a JSON value, which is in the statement or its parameters, or else can be any of the database. */
  | { readonly kind: 'json'; readonly isInput: boolean }
  /** Rows about the schema. */
  | { readonly kind: 'schema' }

interface Loop {
  readonly source: LoopSource
  /** The maximum number of rows, where every row that the loop goes through counts. */
  readonly limit: Limit | undefined
}

/** Instructions that run equally often. */
interface Group {
  /** The loops that contain them, from outside to inside. */
  readonly loops: readonly number[]
  /** Their cost in instructions. */
  readonly weight: number
  /** The number of functions among them, whose cost depends on the size of their arguments. */
  readonly calls: number
}

/** Patterns of LIKE and GLOB, which can take exponential time. */
interface Patterns {
  readonly texts: readonly string[]
  /** Indexes of the parameters that are patterns. */
  readonly parameters: readonly number[]
}

/** The facts for an estimate of a read's duration, apart from the rows of its tables. */
export interface Shape {
  /** Whether it can run for any time, because it recurses or has a loop of an unknown kind. */
  readonly isUnbounded: boolean
  readonly loops: readonly Loop[]
  readonly groups: readonly Group[]
  readonly patterns: Patterns
  /** Tables whose rows or pages are counted without a loop. */
  readonly counted: readonly string[]
  /** Whether it reads the whole file. */
  readonly isOfFile?: true
}

/** The shape of a statement that reads the whole file. */
export const WHOLE_FILE: Shape = {
  isUnbounded: false,
  loops: [],
  groups: [],
  patterns: { texts: [], parameters: [] },
  counted: [],
  isOfFile: true,
}

/** Instructions at the end of each iteration. */
const NEXT: ReadonlySet<string> = new Set(['Next', 'Prev', 'VNext', 'SorterNext'])
const SEEKS: ReadonlySet<string> = new Set(['SeekGE', 'SeekGT', 'SeekLE', 'SeekLT'])
/** Instructions that end a loop at the end of its range. */
const RANGE_ENDS: ReadonlySet<string> = new Set(['IdxGE', 'IdxGT', 'IdxLE', 'IdxLT', 'Ge', 'Gt', 'Le', 'Lt'])
const INSERTS: ReadonlySet<string> = new Set(['Insert', 'IdxInsert', 'SorterInsert', 'RowSetAdd'])
/** Instructions that can jump to the next iteration and so skip a row. Others never jump inside a loop. */
const NEVER_SKIPS: ReadonlySet<string> = new Set(['DecrJumpZero', 'Goto'])
/** Functions that can return much from little. Each counts like many instructions. */
const GENERATORS: Readonly<Record<string, number>> = {
  zeroblob: 2_000,
  randomblob: 2_000,
  replace: 500,
  printf: 300,
  format: 300,
}
/** The cost of returning a row, compared with an instruction. */
const ROW_WEIGHT = 30
const CALL_WEIGHT = 10

/** The least number of instructions and calls without loops that counts at all. */
const TRIVIAL_CALLS = 8
const TRIVIAL_WEIGHT = 2_000

/**
 * Reads the shapes of a program and of its sub-programs, which are triggers and foreign keys. A shape is `undefined` if
 * the program can't take long.
 */
export function readShapes(program: readonly (readonly unknown[])[], schema: SchemaMap): (Shape | undefined)[] {
  const instructions = program as readonly Instruction[]
  const starts = instructions.flatMap(([address], index) => (address === 0 ? [index] : []))
  return starts.map((start, i) => new ShapeReader(instructions.slice(start, starts[i + 1]), schema).read())
}

interface FoundLoop extends Loop {
  /** The addresses of its first and last instruction. */
  readonly from: number
  readonly to: number
}

/** Instructions that are called, like the output of a group. */
interface Subroutine {
  readonly from: number
  readonly to: number
  readonly calledAt: number
}

const MAX_CALLS = 20

class ShapeReader {
  readonly #program: readonly Instruction[]
  readonly #schema: SchemaMap
  readonly #cursors = new Map<number, LoopSource['kind'] | { readonly table: string }>()
  #isUnbounded = false
  readonly #counted: string[] = []
  #subroutines: readonly Subroutine[] = []

  constructor(program: readonly Instruction[], schema: SchemaMap) {
    this.#program = program
    this.#schema = schema
  }

  read(): Shape | undefined {
    this.#openCursors()
    const loops = this.#findLoops()
    this.#subroutines = this.#findSubroutines()
    const patterns = this.#findPatterns()
    const groups = this.#group(loops)
    const calls = groups.reduce((sum, group) => sum + group.calls, 0)
    const isTrivial =
      loops.length === 0 && calls <= TRIVIAL_CALLS && this.#counted.length === 0 && patterns === NO_PATTERNS
    const isHeavy = groups.some(({ weight }) => weight >= TRIVIAL_WEIGHT)
    if (isTrivial && !this.#isUnbounded && !isHeavy) return undefined
    const sources = loops.map(({ source, limit }) => ({ source: this.#withInserts(source, loops), limit }))
    return { isUnbounded: this.#isUnbounded, loops: sources, groups, patterns, counted: this.#counted }
  }

  #openCursors(): void {
    const { roots } = this.#schema
    for (const [, opcode, p1, p2, , p4] of this.#program) {
      if (opcode === 'OpenRead' || opcode === 'ReopenIdx') this.#cursors.set(p1, { table: roots.get(p2) ?? '' })
      else if (opcode === 'OpenDup') this.#cursors.set(p1, 'collected')
      else if (/^(OpenEphemeral|OpenAutoindex|SorterOpen|OpenPseudo)$/.test(opcode)) this.#cursors.set(p1, 'collected')
      else if (opcode === 'VOpen') {
        const [table] = this.#schema.virtual.get(p4 ?? '') ?? ['']
        this.#cursors.set(p1, table === undefined ? 'json' : table === 'sqlite_schema' ? 'schema' : { table })
      } else if (opcode === 'Count') {
        const cursor = this.#cursors.get(p1)
        if (typeof cursor === 'object') this.#counted.push(cursor.table)
      }
    }
  }

  #findLoops(): FoundLoop[] {
    const loops: FoundLoop[] = []
    const start = this.#program[0]
    for (const [address, opcode, p1, p2, p3] of this.#program) {
      const to = opcode === 'Jump' ? Math.min(p1, p2, p3) : p2
      if (to > address) continue
      if (NEXT.has(opcode)) loops.push(this.#loopOver(p1, to, address))
      else if (opcode === 'Jump') loops.push(this.#loopOfJump(to, address))
      else if (opcode === 'Goto' && !(to <= 1 && start?.[1] === 'Init' && address >= start[3])) {
        loops.push(this.#loopOfJump(to, address))
      }
    }
    return loops
  }

  #loopOver(cursor: number, from: number, to: number): FoundLoop {
    const source = this.#cursors.get(cursor)
    if (source === undefined) this.#isUnbounded = true
    if (typeof source !== 'object') {
      return { source: this.#findSource(source, cursor), limit: this.#findLimit(from, to), from, to }
    }
    const body = this.#program.slice(from, to)
    const isSought = this.#program.some(([at, opcode, p1]) => at <= to && SEEKS.has(opcode) && p1 === cursor)
    const ends = body.some(([, opcode, p1, p2]) => {
      if (!RANGE_ENDS.has(opcode) || p2 <= to) return false
      return opcode.startsWith('Idx') ? p1 === cursor : true
    })
    const isRange = (isSought && ends) || this.#hasFilter(cursor)
    const table: LoopSource = { kind: 'table', table: source.table, isRange, isHalfRange: isSought || ends }
    return { source: table, limit: this.#findLimit(from, to), from, to }
  }

  /** Returns whether a loop over a virtual table has a condition that the table evaluates, such as MATCH. */
  #hasFilter(cursor: number): boolean {
    const filter = this.#program.find(([, opcode, p1]) => opcode === 'VFilter' && p1 === cursor)
    if (filter === undefined) return false
    // The register after P3 has the number of arguments.
    const set = this.#program.find(([, opcode, , p2]) => opcode === 'Integer' && p2 === filter[4] + 1)
    return set !== undefined && set[2] > 0
  }

  #findSource(kind: LoopSource['kind'] | undefined, cursor: number): LoopSource {
    if (kind === 'schema') return { kind }
    if (kind !== 'json') return { kind: 'collected', inserts: this.#insertsInto(cursor) }
    const filter = this.#program.find(([, opcode, p1]) => opcode === 'VFilter' && p1 === cursor)
    const isInput = filter !== undefined && this.#findWriter(filter[4] + 2, filter[0]) !== undefined
    return { kind, isInput }
  }

  /** A loop without a cursor: over the rows of coroutines, or else a recursion, which deletes rows of its queue. */
  #loopOfJump(from: number, to: number): FoundLoop {
    const body = this.#program.slice(from, to)
    const bodies = body.flatMap(([address, opcode, register]) => {
      if (opcode !== 'Yield') return []
      const begin = this.#program.find(([, each, p1, p2]) => each === 'InitCoroutine' && p1 === register && p2 > 0)
      const [, , , end = 0, start = 0] = begin ?? []
      // Inside of the coroutine, the instruction returns a row.
      return begin && !(start <= address && address <= end) ? [[start, end]] : []
    })
    if (bodies.length === 0 || body.some(([, opcode]) => opcode === 'Delete')) this.#isUnbounded = true
    return { source: { kind: 'coroutines', loops: bodies }, limit: this.#findLimit(from, to), from, to }
  }

  /** Returns the limit of a loop that skips no row. */
  #findLimit(from: number, to: number): Limit | undefined {
    const body = this.#program.slice(from, to)
    const end = body.findIndex(([, opcode, , p2]) => opcode === 'DecrJumpZero' || (opcode === 'Goto' && p2 > to))
    if (end < 0) return undefined
    // An inner loop can return to the next row without having found one.
    if (body.some(([, opcode]) => NEXT.has(opcode))) return undefined
    if (body.some(([, opcode, , p2]) => p2 === to && !NEVER_SKIPS.has(opcode) && isJump(opcode))) return undefined
    // The first row is enough for max().
    if (body[end]?.[1] === 'Goto') return { value: 1 }
    const register = body[end]?.[2]
    const set = this.#program.filter(
      ([, opcode, p1, p2]) => (opcode === 'Integer' || opcode === 'Variable') && p2 === register && p1 !== undefined,
    )
    const [only] = set
    if (only === undefined || set.length > 1) return undefined
    return only[1] === 'Integer' ? { value: only[2] } : { parameter: only[2] - 1 }
  }

  #insertsInto(cursor: number): number[][] {
    // Duplicates of a cursor share its rows.
    const same = new Set([cursor])
    for (const [, opcode, p1, p2] of this.#program) {
      if (opcode !== 'OpenDup') continue
      if (same.has(p1)) same.add(p2)
      else if (same.has(p2)) same.add(p1)
    }
    return this.#program.flatMap(([address, opcode, p1]) => (INSERTS.has(opcode) && same.has(p1) ? [[address]] : []))
  }

  /** Replaces the addresses of inserts, and of a coroutine, by the loops that contain them. */
  #withInserts(source: LoopSource, loops: readonly FoundLoop[]): LoopSource {
    if (source.kind === 'collected') {
      return { kind: 'collected', inserts: source.inserts.map(([address = 0]) => this.#around(loops, address)) }
    }
    if (source.kind !== 'coroutines') return source
    const inside = ([start = 0, end = 0]: readonly number[]) =>
      loops.flatMap(({ from, to }, index) => (from >= start && to <= end ? [index] : []))
    return { kind: 'coroutines', loops: source.loops.map(inside) }
  }

  #findSubroutines(): Subroutine[] {
    return this.#program.flatMap(([address, opcode, register, target]) => {
      if (opcode !== 'Gosub') return []
      const end = this.#program.find(([at, each, p1]) => at >= target && each === 'Return' && p1 === register)
      if (end === undefined) this.#isUnbounded = true
      return end ? [{ from: target, to: end[0], calledAt: address }] : []
    })
  }

  /** Returns the loops that an instruction runs in, from outside to inside: those around it, and around calls of it. */
  #around(loops: readonly FoundLoop[], address: number): number[] {
    const addresses = [address]
    for (const { from, to, calledAt } of this.#subroutines) {
      if (from <= address && address <= to && addresses.length < MAX_CALLS) addresses.push(calledAt)
    }
    return loops
      .flatMap(({ from, to }, index) => (addresses.some((at) => from <= at && at <= to) ? [index] : []))
      .sort((a, b) => (loops[a] as FoundLoop).from - (loops[b] as FoundLoop).from)
  }

  #group(loops: readonly FoundLoop[]): Group[] {
    const groups = new Map<string, { loops: readonly number[]; weight: number; calls: number }>()
    for (const [address, opcode, , , , p4] of this.#program) {
      const path = this.#around(loops, address)
      const key = path.join()
      const group = groups.get(key) ?? { loops: path, weight: 0, calls: 0 }
      groups.set(key, group)
      const isCall = /^(Function|PureFunc|AggStep)/.test(opcode)
      if (isCall) group.calls++
      group.weight += opcode === 'ResultRow' ? ROW_WEIGHT : isCall ? callWeight(p4) : 1
    }
    return [...groups.values()]
  }

  /** Finds the patterns of LIKE and GLOB. A pattern that is computed, or stored, can be any. */
  #findPatterns(): Patterns {
    const texts: string[] = []
    const parameters: number[] = []
    let found = false
    for (const [address, opcode, , p2, , p4] of this.#program) {
      if (!/^(Function|PureFunc)$/.test(opcode) || !/^(like|glob)\(/.test(p4 ?? '')) continue
      found = true
      const writer = this.#findWriter(p2, address)
      if (writer?.[1] === 'String8') texts.push(writer[5] ?? '')
      else if (writer?.[1] === 'Variable') parameters.push(writer[2] - 1)
      else this.#isUnbounded = true
    }
    return found ? { texts, parameters } : NO_PATTERNS
  }

  /** Returns the instruction that sets a register to a constant, if it is the only one that sets it. */
  #findWriter(register: number, before: number): Instruction | undefined {
    const copies = this.#program.filter(
      ([at, opcode, p1, p2, p3]) =>
        /^(S?Copy)$/.test(opcode) &&
        p2 <= register &&
        register <= p2 + (opcode === 'Copy' ? p3 : 0) &&
        at < before &&
        p1,
    )
    const [copy] = copies
    if (copy) return copies.length > 1 ? undefined : this.#findWriter(copy[2] + register - copy[3], copy[0])
    const set = this.#program.filter(
      ([, opcode, , p2]) => (opcode === 'String8' || opcode === 'Variable') && p2 === register,
    )
    const others = this.#program.some(
      ([, opcode, , p2, p3]) =>
        (/^(Cast|Null|Integer|Real)$/.test(opcode) && p2 === register) ||
        (/^(Column|Function|PureFunc|Concat|Add|Rowid)$/.test(opcode) && p3 === register),
    )
    return set.length === 1 && !others ? set[0] : undefined
  }
}

const NO_PATTERNS: Patterns = { texts: [], parameters: [] }

const callWeight = (name: string | null): number => GENERATORS[name?.slice(0, name.indexOf('(')) ?? ''] ?? CALL_WEIGHT

/** Returns whether P2 of an instruction is an address to jump to. */
const isJump = (opcode: string): boolean =>
  /^(Eq|Ne|Lt|Le|Gt|Ge|If|IfNot|IfPos|IfNotZero|IsNull|NotNull|IsType|ZeroOrNull|Found|NotFound|NoConflict|NotExists|SeekRowid|SeekGE|SeekGT|SeekLE|SeekLT|IdxGE|IdxGT|IdxLE|IdxLT|Filter|IfNullRow|Rewind|Last|SorterSort|Sort|RowSetTest|RowSetRead|VFilter|Once|Jump|MustBeInt|ElseEq|IfEmpty|IfSizeBetween|IfNoHope|VInitIn|Yield|Program)$/.test(
    opcode,
  )
