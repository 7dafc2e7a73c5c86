const RANDOM = /^(random|randomblob)\(/i

/**
 * Returns the random function that an `EXPLAIN` listing calls, if any: in the statement itself, a view, a default or a
 * trigger. Such a statement writes other values if it runs again.
 */
export function readRandom(program: readonly (readonly unknown[])[]): string | undefined {
  for (const [, opcode, , , , p4] of program) {
    if (opcode !== 'Function' && opcode !== 'PureFunc') continue
    const name = RANDOM.exec(String(p4))?.[1]
    if (name !== undefined) return name.toLowerCase()
  }
  return undefined
}
