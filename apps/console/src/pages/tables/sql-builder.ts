import { literal, type Value } from '../results/values.ts'

/** A part of a statement: SQL, or a value. */
export type Piece = string | { readonly value: Value }

/** A statement with its values apart, to be sent. */
export const toStatement = (pieces: readonly Piece[]): { sql: string; params: Value[] } => ({
  sql: pieces.map((piece) => (typeof piece === 'string' ? piece : '?')).join(''),
  params: pieces.flatMap((piece) => (typeof piece === 'string' ? [] : [piece.value])),
})

/** The same with its values in it, to be read. */
export const toText = (pieces: readonly Piece[]): string =>
  pieces.map((piece) => (typeof piece === 'string' ? piece : literal(piece.value))).join('')

/** Pieces with others between them. */
export const joined = (parts: readonly (readonly Piece[])[], between: string): Piece[] =>
  parts.flatMap((part, index) => (index === 0 ? part : [between, ...part]))
