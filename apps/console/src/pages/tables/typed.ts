import type { Value } from '../results/values.ts'

/** What somebody has typed, and as what it is meant. */
export interface Typed {
  kind: 'text' | 'number' | 'null' | 'default'
  text: string
  /** What it becomes when somebody begins to type. */
  typedAs: 'text' | 'number'
}

/** The value, or what is wrong with it. `undefined` as the value leaves the column out. */
export function readTyped({ kind, text }: Typed): { value: Value | undefined } | { problem: string } {
  if (kind === 'default') return { value: undefined }
  if (kind === 'null') return { value: null }
  if (kind === 'text') return { value: text }
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number)) return { problem: 'This is no number. Choose Text to keep it.' }
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) {
    return { problem: 'Too large to be sent without rounding. Write it in SQL on the page Query.' }
  }
  return { value: number }
}
