/**
 * A REAL, even if its value is a whole number. A plain JavaScript number that is a safe integer is bound as INTEGER, so
 * that `1` of a JSON body is an INTEGER.
 */
export class Real {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

/**
 * A value of a parameter. A safe integer is bound as INTEGER and every other number as REAL; a bigint is bound as
 * INTEGER, exactly, from -2^63 to 2^63 - 1.
 */
export type Bound = string | number | bigint | Real | null | Uint8Array

/**
 * How a result contains INTEGER values: exactly, as bigints, as decimal texts, or as `{"int64": "…"}`. All other numbers are
 * REAL.
 */
export type IntegerForm = 'bigint' | 'text' | 'object'

/** Values by the names of parameters, without their prefix (`:`, `@` or `$`). */
export type NamedParams = ReadonlyMap<string, Bound>

/** The values of a statement's parameters, by number or by name. */
export type Params = readonly Bound[] | NamedParams

/** A value as the runtime takes it. It binds every number as REAL. */
export type SqlValue = string | number | null | Uint8Array

/** Returns whether the values are given by name. */
export const isNamed = (params: Params): params is NamedParams => params instanceof Map

/** Returns whether a value is a `Real`. A stored one has lost its class. */
export const isReal = (value: Bound | undefined): value is Real =>
  typeof value === 'object' && value !== null && !(value instanceof Uint8Array)

/** Converts values to JSON as callers send them. */
export const toWireParams = (params: Params): WireParam[] | Record<string, WireParam> =>
  isNamed(params) ? Object.fromEntries([...params].map(([name, value]) => [name, toWire(value)])) : params.map(toWire)

type WireParam = string | number | null | { readonly base64: string } | { readonly int64: string }

function toWire(value: Bound): WireParam {
  if (typeof value === 'bigint') return { int64: `${value}` }
  if (value instanceof Uint8Array) return { base64: value.toBase64() }
  return isReal(value) ? value.value : value
}
