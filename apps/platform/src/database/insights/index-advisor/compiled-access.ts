/** Root pages of the b-trees that a compiled program opens. */
export interface Access {
  readonly opened: ReadonlySet<number>
  /** Root pages that the program scans from one end, where a search would read less. */
  readonly scanned: ReadonlySet<number>
}

/** With this bit of P5, OpenRead and similar opcodes read the root page from a register. */
const ROOT_IN_REGISTER = 0x10

/** Parses an `EXPLAIN` listing. A scan is a loop over a cursor that starts at its first or last entry. */
export function parseAccess(program: readonly (readonly unknown[])[]): Access {
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
      // A sub-program has its own cursors.
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
