import { type Command, common, type Option } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { synopsis } from './parse.ts'

const left = (name: string, { short, value, multiple }: Option) =>
  `${short ? `-${short}, ` : '    '}--${name}${value ? ` <${value}>` : ''}${multiple ? ' …' : ''}`

function columns(rows: readonly (readonly [string, string])[]): string {
  const widest = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, help]) => `  ${name.padEnd(widest)}  ${help}`).join('\n')
}

const formatHelp = ({ help, choices }: { help: string; choices?: readonly string[] }) =>
  choices ? help.replace(/( \(default: .*\))?$/, `: ${choices.join(', ')}$1`) : help

/** Returns the help of one command. */
export function commandHelp({ path, summary, details, args, options, examples }: Command): string {
  const rows = (given: Record<string, Option>) =>
    columns(Object.entries(given).map(([name, option]) => [left(name, option), formatHelp(option)]))
  const parts = [
    `${summary}.`,
    `Usage: ${synopsis(path, args)}${Object.keys(options).length > 0 ? ' [options]' : ''}`,
    details,
    Object.keys(args).length > 0 && columns(Object.entries(args).map(([name, arg]) => [name, formatHelp(arg)])),
    Object.keys(options).length > 0 && `Options:\n${rows(options)}`,
    `Global options:\n${rows(common)}`,
    examples && `Examples:\n${examples.map((example) => `  ${example}`).join('\n')}`,
  ]
  return `${parts.filter(Boolean).join('\n\n')}\n`
}

/** Returns an overview of the commands that start with these words. */
export function overview(commands: readonly Command[], under = ''): string {
  const chosen = commands.filter(({ path }) => under === '' || path.startsWith(`${under} `))
  const list = columns(chosen.map(({ path, summary }) => [path, summary]))
  const head = under === '' ? 'PerSQL: isolated, metered SQLite databases over HTTP.\n\n' : ''
  return `${head}Usage: persql ${under ? `${under} ` : ''}<command> [options]\n\n${list}\n\nRun persql <command> --help for details, or persql --version for the version.\n`
}

/** Returns the reference of all commands in Markdown. */
export function markdown(commands: readonly Command[]): string {
  const code = (text: string) => `\`${text.replaceAll('|', '\\|')}\``
  const list = (rows: readonly (readonly [string, string])[]) =>
    rows.map(([name, help]) => `- ${code(name)}: ${help}`).join('\n')
  const sections = commands.map(({ path, summary, details, args, options, examples }) =>
    [
      `## persql ${path}`,
      `${summary}.${details ? ` ${details}` : ''}`,
      `\`\`\`sh\n${synopsis(path, args)}${Object.keys(options).length > 0 ? ' [options]' : ''}\n\`\`\``,
      list([
        ...Object.entries(args).map(([name, arg]) => [name, formatHelp(arg)] as const),
        ...Object.entries(options).map(([name, option]) => [left(name, option).trim(), formatHelp(option)] as const),
      ]),
      examples && `\`\`\`sh\n${examples.join('\n')}\n\`\`\``,
    ]
      .filter(Boolean)
      .join('\n\n'),
  )
  const meanings = Object.values(exitCodes).map(({ code, meaning }) => [String(code), meaning] as const)
  const widest = Math.max(...meanings.map(([, meaning]) => meaning.length))
  const row = (code: string, meaning: string) => `| ${code.padEnd(9)} | ${meaning.padEnd(widest)} |`
  const codes = [
    row('Exit code', 'Meaning'),
    `| ${'-'.repeat(9)} | ${'-'.repeat(widest)} |`,
    ...meanings.map(([code, meaning]) => row(code, meaning)),
  ]
  return `# persql command line reference

Generated from the command table by \`persql help --markdown\`.

Every command accepts these options:

${list(Object.entries(common).map(([name, option]) => [left(name, option).trim(), option.help] as const))}

\`persql --version\` prints the version.

PERSQL_TOKEN, PERSQL_API_URL, PERSQL_DATABASE and PERSQL_PROFILE override the saved login. If a command omits the database, PERSQL_DATABASE is used,
or else the only database the token gives access to. \`acme/main.pr-42\` is the branch \`pr-42\` of \`acme/main\`; \`main\` without a namespace is
a database of the token's namespace. A saved token is only ever sent to the server it was saved for.

${codes.join('\n')}

${sections.join('\n\n')}
`
}
