import type { Value } from '../results/values.ts'

/** Typed text with the type to store it as. */
export interface InputValue {
  kind: 'text' | 'number' | 'null' | 'default'
  text: string
  /** The type that typing switches to, from NULL or the default. */
  typedAs: 'text' | 'number'
}

/** Parses the value, or returns the problem. `undefined` as the value omits the column. */
export function readTyped({ kind, text }: InputValue): { value: Value | undefined } | { problem: string } {
  if (kind === 'default') return { value: undefined }
  if (kind === 'null') return { value: null }
  if (kind === 'text') return { value: text }
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number))
    return { problem: 'Not a number. Switch to Text to store it as text.' }
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) {
    return { problem: 'Too large to send exactly. Use SQL on the Query page instead.' }
  }
  return { value: number }
}
