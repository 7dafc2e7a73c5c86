import type { Context } from './context.ts'

/** What stands at a place of the command line. */
export interface Arg {
  help: string
  optional?: true
  /**
   * A database. `PERSQL_DATABASE` stands in for one that is left out, else the token's only database; a name alone is
   * one of the token's namespace.
   */
  database?: true
  /** Shells complete it as a path. */
  file?: true
  choices?: readonly string[]
}

export interface Option {
  help: string
  short?: string
  /** What its value is called; a flag has none. */
  value?: string
  multiple?: true
  choices?: readonly string[]
  file?: true
}

/** What a command answers: one JSON value, and the same for people. */
export interface Result {
  json: unknown
  text: string
}

type OptionValue<O extends Option> = O extends { value: string }
  ? O extends { multiple: true }
    ? string[]
    : string | undefined
  : boolean
type ArgValue<A extends Arg> = A extends { optional: true } | { database: true } ? string | undefined : string

/** What was given on the command line, by the names of the table. */
export interface Given<A extends Record<string, Arg>, O extends Record<string, Option>> {
  args: { [K in keyof A]: ArgValue<A[K]> }
  options: { [K in keyof O]: OptionValue<O[K]> }
}

/** A command as data: parser, help, completion and docs are made of it. */
export interface Command {
  /** Its words, as they are typed. */
  path: string
  summary: string
  /** More, for its help. */
  details?: string
  args: Record<string, Arg>
  options: Record<string, Option>
  examples?: readonly string[]
  /** Nothing is printed when it answers nothing: it has written to stdout itself. */
  run(ctx: Context, given: Given<Record<string, Arg>, Record<string, Option>>): Promise<Result | undefined>
}

/** Declares a command; `run` gets what was given with the types of the declaration. */
export function command<
  const A extends Record<string, Arg> = Record<never, Arg>,
  const O extends Record<string, Option> = Record<never, Option>,
>(
  spec: Omit<Command, 'args' | 'options' | 'run'> & {
    args?: A
    options?: O
    run(ctx: Context, given: Given<A, O>): Promise<Result | undefined>
  },
): Command {
  return { args: {}, options: {}, ...spec } as unknown as Command
}

/** The options of every command. */
export const common = {
  json: { help: 'Print one JSON value on stdout; failures as JSON on stderr' },
  profile: { help: 'The account to use, of those that logged in', value: 'name' },
  url: { help: 'The server, else PERSQL_API_URL, else that of the profile', value: 'url' },
  quiet: { help: 'No progress on stderr', short: 'q' },
  help: { help: 'Show this', short: 'h' },
} as const satisfies Record<string, Option>

/** The database a command is about. */
export const database = { help: 'The database, as namespace/database', database: true } as const
/** For what destroys. */
export const yes = { help: 'Do not ask', short: 'y' } as const
