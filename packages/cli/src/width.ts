// Created on first use, because it takes longer than everything else before the first call.
let segmenter: Intl.Segmenter | undefined
const graphemes = (text: string) => {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' })
  return segmenter.segment(text)
}
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]/u
const EMOJI = /\p{Emoji_Presentation}|\p{Emoji}\ufe0f/u
const NOTHING = /^[\p{Mn}\p{Me}\p{Cf}]+$/u
// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal would obey is what this looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g
const PLAIN = /^[\x20-\x7e]*$/
const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Escapes control characters and characters that reverse the text direction. */
export const visible = (text: string): string =>
  text.replace(CONTROL, (char) => named[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Escapes control characters except line breaks. */
export const visibleLines = (text: string): string => text.split('\n').map(visible).join('\n')

const countColumns = (grapheme: string) =>
  NOTHING.test(grapheme) ? 0 : EMOJI.test(grapheme) || WIDE.test(grapheme) ? 2 : 1

/** Returns the width of a text in terminal columns. */
export function width(text: string): number {
  if (PLAIN.test(text)) return text.length
  let columns = 0
  for (const { segment } of graphemes(text)) columns += countColumns(segment)
  return columns
}

/** Truncates a text to a number of columns, with an ellipsis. */
export function cut(text: string, columns: number): string {
  if (width(text) <= columns) return text
  let [kept, used] = ['', 0]
  for (const { segment } of graphemes(text)) {
    used += countColumns(segment)
    if (used > columns - 1) break
    kept += segment
  }
  return `${kept}…`
}
