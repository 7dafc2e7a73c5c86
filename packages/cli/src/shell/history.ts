import { readFile } from 'node:fs/promises'
import { writePrivately } from '../config.ts'

const KEPT = 1000

/** Reads the history of earlier shells, newest first, as readline expects it. */
export async function readHistory(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.split('\n').filter(Boolean).reverse()
}

/** Saves the history, without lines that start with a space or contain a token. */
export async function writeHistory(file: string, lines: readonly string[]): Promise<void> {
  const kept = lines.filter((line) => !/^\s|psql_\w+_\w{8,}/.test(line)).slice(0, KEPT)
  await writePrivately(file, `${[...kept].reverse().join('\n')}\n`)
}

/** Joins the lines of one statement to one history entry. */
export function joined(history: readonly string[], lines: readonly string[]): string[] {
  const typed = lines.filter((line) => line.trim() !== '')
  const there = typed.length > 1 && [...typed].reverse().every((line, i) => history[i] === line)
  // A line comment would comment out the lines after it.
  if (!there || typed.some((line) => line.includes('--'))) return [...history]
  return [typed.map((line) => line.trim()).join(' '), ...history.slice(typed.length)]
}
