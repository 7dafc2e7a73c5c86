/** Root pages of the b-trees that a compiled program opens. */
export interface Access {
  readonly opened: ReadonlySet<number>
  /** Those that it walks through from one end, where a search would read less. */
  readonly scanned: ReadonlySet<number>
}

/** OpenRead and its kin take the root page from a register when this bit of P5 is set. */
const ROOT_IN_REGISTER = 0x10

/** Reads an `EXPLAIN` listing. A scan is a loop over a cursor that was put at its first or last entry. */
export function accessOf(program: readonly (readonly unknown[])[]): Access {
  const opened = new Set<number>()
  const scanned = new Set<number>()
  let roots = new Map<number, number>()
  let atEnd = new Set<number>()
  let last = -1
  for (const [address, opcode, p1, p2, , , p5] of program as [
    number,
    string,
    number,
    number,
    number,
    unknown,
    number,
  ][]) {
    if (address <= last) {
      // A sub-program, with cursors of its own.
      roots = new Map()
      atEnd = new Set()
    }
    last = address
    if (opcode === 'OpenRead' || opcode === 'OpenWrite' || opcode === 'ReopenIdx') {
      if (p5 & ROOT_IN_REGISTER) continue
      roots.set(p1, p2)
      opened.add(p2)
    } else if (opcode === 'Rewind' || opcode === 'Last') atEnd.add(p1)
    else if ((opcode === 'Next' || opcode === 'Prev') && atEnd.has(p1)) {
      const root = roots.get(p1)
      if (root !== undefined) scanned.add(root)
    }
  }
  return { opened, scanned }
}
