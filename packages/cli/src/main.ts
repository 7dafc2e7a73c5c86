#!/usr/bin/env node
import { PerSQLError } from '@persql/sdk'
import { getExit, usage } from './cli-error.ts'
import { type Command, common } from './command.ts'
import { commands } from './commands.ts'
import { type Common, Context } from './context.ts'
import { exitCodes } from './exit-codes.ts'
import { count } from './format-output.ts'
import { commandHelp, overview } from './help.ts'
import { toCommandHint } from './hint.ts'
import { find, parse } from './parse.ts'
import { suggest } from './suggest.ts'
import { visibleLines } from './width.ts'

declare const VERSION: string

const argv = process.argv.slice(2)
const interrupted = new AbortController()

// A reader that closes the pipe (`persql … | head`) ends the program. This isn't an error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1))
}
process.once('SIGINT', () => {
  interrupted.abort()
  // A second Ctrl-C ends commands that ignore the signal.
  process.once('SIGINT', () => process.exit(exitCodes.interrupted.code))
})

try {
  await run()
  if (interrupted.signal.aborted) process.exitCode = exitCodes.interrupted.code
} catch (error) {
  fail(error)
}

async function run(): Promise<void> {
  const words = commandWords(argv)
  const command = find(commands, words)
  if (!command) return other(words)
  const line = parse(command, argv, process.env.PERSQL_DATABASE || undefined)
  if (line.options.help) return void process.stdout.write(commandHelp(command))
  const ctx = new Context(line.options as unknown as Common, process.env, interrupted.signal)
  const result = await command.run(ctx, line as unknown as Parameters<Command['run']>[1])
  if (!result) return
  const text = ctx.json ? JSON.stringify(result.json) : result.text
  if (text !== '') process.stdout.write(`${text}\n`)
}

/** Returns the words of the line, without global options before or between them. */
function commandWords(given: readonly string[]): string[] {
  const valued = Object.entries(common).flatMap(([name, option]) => ('value' in option ? [`--${name}`] : []))
  return given.filter((word, i) => !word.startsWith('-') && !valued.includes(given[i - 1] ?? ''))
}

/** Prints help or the version. @throws CliError for an unknown command */
function other(words: readonly string[]): void {
  if (words.length === 0 && argv.includes('--version')) return void process.stdout.write(`${VERSION}\n`)
  const group = commands.some(({ path }) => path.startsWith(`${words.join(' ')} `)) ? words.join(' ') : ''
  const asked = argv.includes('--help') || argv.includes('-h') || argv.length === 0
  if (asked && (group || words.length === 0)) return void process.stdout.write(overview(commands, group))
  if (group) throw usage(`"persql ${group}" needs a subcommand. Run persql ${group} --help.`)
  const meant = suggest(
    commands.map(({ path }) => path),
    words,
  )
  const advice = meant ? `Did you mean "persql ${meant}"?` : 'Run persql --help.'
  const [typed = words[0] ?? argv[0]] = /^[a-z-]+( [a-z-]+){0,2}(?= |$)/.exec(words.join(' ')) ?? []
  throw usage(`Unknown command "${typed}". ${advice}`)
}

/** Prints an error and sets the exit code. */
function fail(error: unknown): void {
  const failure = interrupted.signal.aborted ? Object.assign(new Error('Interrupted.'), { name: 'AbortError' }) : error
  const exit = getExit(failure)
  const { message } = failure as Error
  if (argv.includes('--json')) {
    const { success: _, ...fields } = failure instanceof PerSQLError ? failure.body : {}
    const status = failure instanceof PerSQLError && failure.status > 0 ? { status: failure.status } : {}
    const code = (failure as { code?: string }).code ?? exit
    process.stderr.write(
      `${JSON.stringify({ ...fields, error: message, code, ...status, exitCode: exitCodes[exit].code })}\n`,
    )
  } else {
    process.stderr.write(`persql: ${visibleLines(message + place(failure) + advice(failure))}\n`)
  }
  process.exitCode = exitCodes[exit].code
}

/** Returns the place of a statement of a script that failed, and how many of those before it stay applied. */
function place(failure: unknown): string {
  const { failedStatement, results } = (failure instanceof PerSQLError ? failure.body : {}) as FailedScript
  if (!failedStatement || !results) return ''
  const { line, text } = failedStatement
  const applied =
    results.length > 0 ? `Applied before it: ${count(results.length, 'statement')}.` : 'Nothing was changed.'
  return `\nLine ${line}: ${text}\n${applied}`
}

/** The fields of an error of a script. */
interface FailedScript {
  failedStatement?: { line: number; text: string }
  results?: unknown[]
}

/** Returns the next step after an error. */
function advice(failure: unknown): string {
  if (!(failure instanceof PerSQLError)) return ''
  const { body, code, detail } = failure
  if (typeof body.approvalUrl === 'string') {
    return `\nTo approve, open ${body.approvalUrl}\nThen run: persql db redeem <database> ${body.approvalToken}`
  }
  if (code === 'insufficient_balance') return '\nAdd funds: persql topup <usd>'
  return detail?.hint ? `\nHint: ${toCommandHint(detail.hint, 'persql db tables', 'persql db describe')}` : ''
}
