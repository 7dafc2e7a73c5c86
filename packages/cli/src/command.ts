import type { Context } from './context.ts'

/** A positional argument. */
export interface Arg {
  help: string
  optional?: true
  /**
   * Whether it is a database. If omitted, `PERSQL_DATABASE` is used, or else the token's only database. A name without
   * namespace is in the token's namespace.
   */
  database?: true
  /** Whether shells complete it as a path. */
  file?: true
  choices?: readonly string[]
}

export interface Option {
  help: string
  short?: string
  /** The placeholder of its value; absent for a flag. */
  value?: string
  multiple?: true
  choices?: readonly string[]
  file?: true
}

/** The result of a command, as one JSON value and as text. */
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

/** The parsed arguments and options, by name. */
export interface ParsedArgs<A extends Record<string, Arg>, O extends Record<string, Option>> {
  args: { [K in keyof A]: ArgValue<A[K]> }
  options: { [K in keyof O]: OptionValue<O[K]> }
}

/** A command as data, from which parser, help, completion and docs are generated. */
export interface Command {
  /** The words of the command. */
  path: string
  summary: string
  /** More text for the help. */
  details?: string
  args: Record<string, Arg>
  options: Record<string, Option>
  examples?: readonly string[]
  /** Runs the command. Returns `undefined` if it has written to stdout itself. */
  run(ctx: Context, given: ParsedArgs<Record<string, Arg>, Record<string, Option>>): Promise<Result | undefined>
}

/** Declares a command with typed arguments for `run`. */
export function command<
  const A extends Record<string, Arg> = Record<never, Arg>,
  const O extends Record<string, Option> = Record<never, Option>,
>(
  spec: Omit<Command, 'args' | 'options' | 'run'> & {
    args?: A
    options?: O
    run(ctx: Context, given: ParsedArgs<A, O>): Promise<Result | undefined>
  },
): Command {
  return { args: {}, options: {}, ...spec } as unknown as Command
}

/** The options of every command. */
export const common = {
  json: { help: 'Print one JSON value to stdout; print errors as JSON to stderr' },
  profile: { help: 'Profile to use', value: 'name' },
  url: { help: "Server URL (default: PERSQL_API_URL, then the profile's URL)", value: 'url' },
  quiet: { help: "Don't print progress to stderr", short: 'q' },
  help: { help: 'Show help', short: 'h' },
} as const satisfies Record<string, Option>

/** The database argument. */
export const database = { help: 'Database, as namespace/database', database: true } as const
/** The `--yes` option of destructive commands. */
export const yes = { help: 'Skip the confirmation prompt', short: 'y' } as const
