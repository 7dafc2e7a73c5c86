const castHex = (value: string) => `'CAST(X''' || hex(${value}) || ''' AS TEXT)'`

/**
 * Returns SQL that formats a value as SQL. Text that isn't UTF-8 stays unchanged. `quote` alone would cut a text at a
 * NUL.
 */
export const literal = (value: string): string =>
  `CASE WHEN typeof(${value}) = 'text' AND instr(${value}, char(0)) > 0 THEN ${castHex(value)} ELSE quote(${value}) END`

/** Returns SQL that formats a value as SQL, or as U+FFFD if `quote` would cut it. Its bytes have to be read then. */
export const literalOrMark = (value: string): string =>
  `CASE WHEN typeof(${value}) = 'text' AND instr(${value}, char(0)) > 0 THEN char(65533) ELSE quote(${value}) END`

/** Returns SQL that formats any value as SQL in ASCII, which survives every text encoding. */
export const asciiLiteral = (value: string): string =>
  `CASE WHEN typeof(${value}) = 'text' AND (${value} GLOB '*[^' || char(1, 45, 127) || ']*' OR instr(${value}, char(0)) > 0) THEN ${castHex(value)} ELSE quote(${value}) END`

/** Joins pieces of SQL with an operator as a balanced tree, because SQLite limits the depth of expressions. */
export function joined(pieces: readonly string[], operator: string): string {
  if (pieces.length < 2) return pieces[0] ?? "''"
  const half = pieces.length / 2
  return `(${joined(pieces.slice(0, half), operator)} ${operator} ${joined(pieces.slice(half), operator)})`
}

/** Joins SQL texts with commas in between. */
export const listed = (texts: readonly string[]): string => joined(texts, "|| ',' ||")
