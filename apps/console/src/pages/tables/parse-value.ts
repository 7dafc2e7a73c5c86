import type { Value } from '../results/values.ts'

/** What somebody has typed, and as what it is meant. */
export interface InputValue {
  kind: 'text' | 'number' | 'null' | 'default'
  text: string
  /** What it becomes when somebody begins to type. */
  typedAs: 'text' | 'number'
}

/** The value, or what is wrong with it. `undefined` as the value leaves the column out. */
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
