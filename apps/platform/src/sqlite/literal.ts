const castHex = (value: string) => `'CAST(X''' || hex(${value}) || ''' AS TEXT)'`

/** Formats a value as SQL, except a text that is not UTF-8: it stays as it is. `quote` alone would cut a text at a NUL. */
export const literal = (value: string): string =>
  `CASE WHEN typeof(${value}) = 'text' AND instr(${value}, char(0)) > 0 THEN ${castHex(value)} ELSE quote(${value}) END`

/** Formats a value as SQL, or as U+FFFD when `quote` would cut it: then its bytes have to be read. */
export const literalOrMark = (value: string): string =>
  `CASE WHEN typeof(${value}) = 'text' AND instr(${value}, char(0)) > 0 THEN char(65533) ELSE quote(${value}) END`

/** Formats any value as SQL in ASCII letters, which no reader of the text can damage. */
export const asciiLiteral = (value: string): string =>
  `CASE WHEN typeof(${value}) = 'text' AND (${value} GLOB '*[^' || char(1, 45, 127) || ']*' OR instr(${value}, char(0)) > 0) THEN ${castHex(value)} ELSE quote(${value}) END`

/** Brings pieces of SQL together by an operator, in halves: how deep an expression may be is limited. */
export function joined(pieces: readonly string[], operator: string): string {
  if (pieces.length < 2) return pieces[0] ?? "''"
  const half = pieces.length / 2
  return `(${joined(pieces.slice(0, half), operator)} ${operator} ${joined(pieces.slice(half), operator)})`
}

/** Texts in SQL, one after the other with commas between them. */
export const listed = (texts: readonly string[]): string => joined(texts, "|| ',' ||")
