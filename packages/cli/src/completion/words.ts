import { type Command, common, type Option } from '../command.ts'

/** What may follow the words typed so far. */
export interface Place {
  /** Words of commands, joined by blanks; empty at the beginning. */
  path: string
  /** The next words, with what they do. */
  next: readonly (readonly [word: string, help: string])[]
  /** The command that these words are. */
  command: Command | undefined
}

/** Every place where a command may go on. */
export function places(commands: readonly Command[]): Place[] {
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

/** All options of a command. */
export const optionsOf = ({ options }: Command): Record<string, Option> => ({ ...options, ...common })

/** A text between single quotes, for a POSIX shell. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
