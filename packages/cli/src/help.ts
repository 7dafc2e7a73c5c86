import { type Command, common, type Option } from './command.ts'
import { exits } from './exit-codes.ts'
import { synopsis } from './parse.ts'

const left = (name: string, { short, value, multiple }: Option) =>
  `${short ? `-${short}, ` : '    '}--${name}${value ? ` <${value}>` : ''}${multiple ? ' …' : ''}`

function columns(rows: readonly (readonly [string, string])[]): string {
  const widest = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, help]) => `  ${name.padEnd(widest)}  ${help}`).join('\n')
}

const told = ({ help, choices }: { help: string; choices?: readonly string[] }) =>
  choices ? `${help}: ${choices.join(', ')}` : help

/** The help of one command. */
export function commandHelp({ path, summary, details, args, options, examples }: Command): string {
  const rows = (given: Record<string, Option>) =>
    columns(Object.entries(given).map(([name, option]) => [left(name, option), told(option)]))
  const parts = [
    `${summary}.`,
    `Usage: ${synopsis(path, args)}${Object.keys(options).length > 0 ? ' [options]' : ''}`,
    details,
    Object.keys(args).length > 0 && columns(Object.entries(args).map(([name, arg]) => [name, told(arg)])),
    Object.keys(options).length > 0 && `Options:\n${rows(options)}`,
    `For all commands:\n${rows(common)}`,
    examples && `Examples:\n${examples.map((example) => `  ${example}`).join('\n')}`,
  ]
  return `${parts.filter(Boolean).join('\n\n')}\n`
}

/** The commands that begin with these words. */
export function overview(commands: readonly Command[], under = ''): string {
  const chosen = commands.filter(({ path }) => under === '' || path.startsWith(`${under} `))
  const list = columns(chosen.map(({ path, summary }) => [path, summary]))
  const head = under === '' ? 'PerSQL: isolated, metered SQLite databases over HTTP.\n\n' : ''
  return `${head}Usage: persql ${under ? `${under} ` : ''}<command> [options]\n\n${list}\n\npersql <command> --help tells more; persql --version tells which this is.\n`
}

/** All commands as a page of documentation. */
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
        ...Object.entries(args).map(([name, arg]) => [name, told(arg)] as const),
        ...Object.entries(options).map(([name, option]) => [left(name, option).trim(), told(option)] as const),
      ]),
      examples && `\`\`\`sh\n${examples.join('\n')}\n\`\`\``,
    ]
      .filter(Boolean)
      .join('\n\n'),
  )
  const meanings = Object.values(exits).map(({ code, meaning }) => [String(code), meaning] as const)
  const widest = Math.max(...meanings.map(([, meaning]) => meaning.length))
  const row = (code: string, meaning: string) => `| ${code.padEnd(9)} | ${meaning.padEnd(widest)} |`
  const codes = [
    row('Exit code', 'Meaning'),
    `| ${'-'.repeat(9)} | ${'-'.repeat(widest)} |`,
    ...meanings.map(([code, meaning]) => row(code, meaning)),
  ]
  return `# persql: the command line

Made from the program's own table by \`persql help --markdown\`.

Every command takes ${Object.entries(common)
    .map(([name, option]) => `${code(left(name, option).trim())} (${option.help})`)
    .join(', ')}.

PERSQL_TOKEN, PERSQL_API_URL, PERSQL_DATABASE and PERSQL_PROFILE win over what \`persql login\` kept. PERSQL_DATABASE stands in for the database where
a command line has one word too few, or begins with something that is no namespace/database; without it, the only database that the
token opens does. \`acme/main.pr-42\` is the branch \`pr-42\` of \`acme/main\`. A kept token is sent to the server that it was kept for, and to no other.

${codes.join('\n')}

${sections.join('\n\n')}
`
}
