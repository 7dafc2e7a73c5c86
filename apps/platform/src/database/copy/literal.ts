/** A value as SQL says it, exactly; `quote` alone would cut a text at a NUL. */
export const literal = (value: string): string =>
  `CASE WHEN typeof(${value}) = 'text' AND instr(${value}, char(0)) > 0 THEN 'CAST(X''' || hex(${value}) || ''' AS TEXT)' ELSE quote(${value}) END`

/** Brings pieces of SQL together by an operator, in halves: how deep an expression may be is limited. */
export function joined(pieces: readonly string[], operator: string): string {
  if (pieces.length < 2) return pieces[0] ?? "''"
  const half = pieces.length / 2
  return `(${joined(pieces.slice(0, half), operator)} ${operator} ${joined(pieces.slice(half), operator)})`
}

/** Texts in SQL, one after the other with commas between them. */
export const listed = (texts: readonly string[]): string => joined(texts, "|| ',' ||")
