import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { usage } from './cli-error.ts'
import { type Command, common, type Option } from './command.ts'

/** A parsed command line. */
export interface Line {
  command: Command
  args: Record<string, string | undefined>
  options: Record<string, string | string[] | boolean | undefined>
}

/** Returns the command with the longest path that the words start with. */
export function find(commands: readonly Command[], words: readonly string[]): Command | undefined {
  const fits = ({ path }: Command) => path.split(' ').every((word, i) => words[i] === word)
  return commands.filter(fits).sort((a, b) => b.path.length - a.path.length)[0]
}

const forms = (options: Record<string, Option>) =>
  Object.fromEntries(
    Object.entries(options).map(([name, { value, short, multiple }]) => [
      name,
      {
        type: value ? ('string' as const) : ('boolean' as const),
        ...(short && { short }),
        ...(multiple && { multiple }),
      },
    ]),
  )

/** Parses the options and arguments of a command. `standing` is the database to use if the line has none. @throws CliError */
export function parse(command: Command, argv: readonly string[], standing: string | undefined): Line {
  const all: Record<string, Option> = { ...common, ...command.options }
  const { values, positionals } = understood(command, argv, all)
  const options: Line['options'] = {}
  for (const [name, option] of Object.entries(all)) {
    const value = values[name] ?? (option.multiple ? [] : option.value ? undefined : false)
    options[name] = value as Line['options'][string]
    for (const one of [value].flat()) refuseUnknown(`--${name}`, option.choices, one)
  }
  const words = positionals.slice(command.path.split(' ').length)
  return { command, options, args: values.help ? {} : places(command, words, standing) }
}

function understood({ path }: Command, argv: readonly string[], all: Record<string, Option>) {
  try {
    return parseArgs({ args: joined(argv, all), options: forms(all), allowPositionals: true, strict: true })
  } catch (cause) {
    const [sentence] = (cause as Error).message.split('. To specify')
    throw usage(`${sentence?.replace(/\.$/, '')}. Run persql ${path} --help.`)
  }
}

/** Joins an option with its value if one of its choices starts with a minus: the parser takes such a word for an option. */
function joined(argv: readonly string[], all: Record<string, Option>): string[] {
  const words: string[] = []
  for (const word of argv) {
    const last = words.at(-1)
    const { choices } = (last?.startsWith('--') && all[last.slice(2)]) || {}
    if (word.startsWith('-') && choices?.includes(word) && !words.includes('--')) words.push(`${words.pop()}=${word}`)
    else words.push(word)
  }
  return words
}

const ADDRESS = /^[a-z][a-z0-9-]*\/[a-z][a-z0-9-]*(\..+)?$/
const SLUG = /^[a-z][a-z0-9-]*$/
const SLUG_OR_BRANCH = /^[a-z][a-z0-9-]*(\.\S+)?$/

function places({ path, args }: Command, words: string[], standing: string | undefined): Line['args'] {
  const entries = Object.entries(args)
  const needed = entries.filter(([, { optional }]) => !optional).length
  const [first = ''] = words
  // Whether the first word is the argument after the database.
  const isNext = () => {
    const isFile = entries[1]?.[1].file && existsSync(first)
    if (ADDRESS.test(first)) return isFile && first.includes('.')
    return standing !== undefined || isFile || !(entries[1]?.[1].file ? SLUG : SLUG_OR_BRANCH).test(first)
  }
  const room = words.length < entries.length
  const isLeftOut = entries[0]?.[1].database && room && (words.length < needed || isNext())
  const given = isLeftOut ? [standing, ...words] : words
  const missing = entries.slice(given.length).find(([, { optional }]) => !optional)
  if (missing) throw usage(`Missing argument: ${missing[0]}. Usage: ${synopsis(path, args)}`)
  if (given.length > entries.length) {
    throw usage(`Unexpected argument "${given[entries.length]}". Usage: ${synopsis(path, args)}`)
  }
  for (const [i, [name, { choices }]] of entries.entries()) refuseUnknown(name, choices, given[i])
  return Object.fromEntries(entries.map(([name], i) => [name, given[i]]))
}

function refuseUnknown(name: string, choices: readonly string[] | undefined, value: unknown): void {
  if (choices && value !== undefined && !choices.includes(value as string)) {
    throw usage(`Invalid value "${value}" for ${name}. Expected one of ${choices.join(', ')}.`)
  }
}

/** Returns the usage line of a command. A database can be omitted everywhere. */
export const synopsis = (path: string, args: Command['args']): string => {
  const words = Object.entries(args).map(([name, { optional, database }]) =>
    optional || database ? `[${name}]` : `<${name}>`,
  )
  return ['persql', path, ...words].join(' ')
}
