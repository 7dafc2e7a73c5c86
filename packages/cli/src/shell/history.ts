import { readFile } from 'node:fs/promises'
import { writePrivately } from '../config.ts'

const KEPT = 1000

/** What was typed in earlier shells, the newest first, as readline wants it. */
export async function readHistory(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.split('\n').filter(Boolean).reverse()
}

/** Keeps what was typed; nothing that begins with a blank, and nothing that holds a token. */
export async function writeHistory(file: string, lines: readonly string[]): Promise<void> {
  const kept = lines.filter((line) => !/^\s|psql_\w+_\w{8,}/.test(line)).slice(0, KEPT)
  await writePrivately(file, `${[...kept].reverse().join('\n')}\n`)
}

/** The history once the lines of one statement became one entry, so that it comes back as a whole. */
export function joined(history: readonly string[], lines: readonly string[]): string[] {
  const typed = lines.filter((line) => line.trim() !== '')
  const there = typed.length > 1 && [...typed].reverse().every((line, i) => history[i] === line)
  // A line comment would swallow what follows it.
  if (!there || typed.some((line) => line.includes('--'))) return [...history]
  return [typed.map((line) => line.trim()).join(' '), ...history.slice(typed.length)]
}
