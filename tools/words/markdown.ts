import type { Item } from './rules.ts'
import { toProse } from './source.ts'

/** Lists the paragraphs, list items and table cells of a Markdown file, without code fences. */
export function readMarkdown(source: string): Item[] {
  const items: Item[] = []
  let fence: string | undefined
  let paragraph: { line: number; text: string[] } | undefined
  const finish = (): void => {
    if (paragraph) items.push({ kind: 'markdown', line: paragraph.line, value: toProse(paragraph.text.join('\n')) })
    paragraph = undefined
  }
  for (const [index, line] of source.split('\n').entries()) {
    const mark = /^\s*(?:>\s*)?(`{3,}|~{3,})/.exec(line)?.[1]
    if (fence !== undefined) {
      if (mark?.startsWith(fence)) fence = undefined
      continue
    }
    if (mark !== undefined) {
      finish()
      fence = mark
      continue
    }
    const isCell = /^\s*\|/.test(line)
    if (isCell || line.trim() === '' || /^\s*(?:#+|[-*+]|\d+\.)\s/.test(line)) finish()
    if (isCell) {
      for (const cell of line.split('|')) {
        const value = toProse(cell)
        if (/[A-Za-z]/.test(value)) items.push({ kind: 'markdown', line: index + 1, value })
      }
    } else if (line.trim() !== '') {
      paragraph ??= { line: index + 1, text: [] }
      paragraph.text.push(line)
      if (/^\s*#+\s/.test(line)) finish()
    }
  }
  finish()
  return items
}
