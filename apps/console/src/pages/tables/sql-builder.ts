import { literal, type Value } from '../results/values.ts'

/** A part of a statement: SQL text or a value. */
export type Piece = string | { readonly value: Value }

/** Converts parts to a statement with parameters, to run. */
export const toStatement = (pieces: readonly Piece[]): { sql: string; params: Value[] } => ({
  sql: pieces.map((piece) => (typeof piece === 'string' ? piece : '?')).join(''),
  params: pieces.flatMap((piece) => (typeof piece === 'string' ? [] : [piece.value])),
})

/** Converts parts to SQL text with literal values, to display. */
export const toText = (pieces: readonly Piece[]): string =>
  pieces.map((piece) => (typeof piece === 'string' ? piece : literal(piece.value))).join('')

/** Joins parts with a separator. */
export const joined = (parts: readonly (readonly Piece[])[], between: string): Piece[] =>
  parts.flatMap((part, index) => (index === 0 ? part : [between, ...part]))
