import { type Command, common, type Option } from '../command.ts'

/** The completions after some words. */
export interface CompletionContext {
  /** The words so far, joined by spaces; empty at the start. */
  path: string
  /** The next words with their descriptions. */
  next: readonly (readonly [word: string, help: string])[]
  /** The command with these words. */
  command: Command | undefined
}

/** Returns all prefixes of commands with their completions. */
export function places(commands: readonly Command[]): CompletionContext[] {
  const prefixes = commands.flatMap(({ path }) => {
    const words = path.split(' ')
    return words.map((_, i) => words.slice(0, i).join(' '))
  })
  const all = [...new Set([...prefixes, ...commands.map(({ path }) => path)])]
  return all.map((path) => {
    const depth = path === '' ? 0 : path.split(' ').length
    const below = commands.filter((one) => path === '' || one.path.startsWith(`${path} `))
    const next = new Map(below.map((one) => [one.path.split(' ')[depth] ?? '', one]))
    return {
      path,
      next: [...next].map(([word, one]) => [
        word,
        one.path.split(' ').length === depth + 1 ? one.summary : `… ${word}`,
      ]),
      command: commands.find((one) => one.path === path),
    }
  })
}

/** Returns all options of a command. */
export const listOptions = ({ options }: Command): Record<string, Option> => ({ ...options, ...common })

/** Quotes a text for a POSIX shell. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
