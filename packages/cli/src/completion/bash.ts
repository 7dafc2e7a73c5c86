import type { Command } from '../command.ts'
import { type CompletionContext, listOptions, places, quoted } from './words.ts'

const flags = (command: Command) => Object.keys(listOptions(command)).map((name) => `--${name}`)
const valued = (command: Command) => Object.entries(listOptions(command)).filter(([, { value }]) => value)

function line({ path, next, command }: CompletionContext): string {
  const words = [
    ...next.map(([word]) => word),
    ...Object.values(command?.args ?? {}).flatMap(({ choices = [] }) => choices),
  ]
  const options = command ? flags(command) : ['--help', '--version']
  const files = Object.values(command?.args ?? {}).some(({ file }) => file) ? 'files=1' : ':'
  return `    ${quoted(path)}) words=${quoted(words.join(' '))} options=${quoted(options.join(' '))}; ${files} ;;`
}

const values = ({ path, command }: CompletionContext) =>
  command
    ? valued(command).map(([name, { choices, file }]) => {
        const act = choices ? `words=${quoted(choices.join(' '))}` : file ? 'words= files=1' : 'words='
        return `    ${quoted(`${path} --${name}`)}) options=; ${act} ;;`
      })
    : []

/** Returns the completion script for bash. */
export function bash(commands: readonly Command[]): string {
  const all = places(commands)
  return `# persql completion for bash: source <(persql completion bash)
_persql() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path= words= options= files= word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "\${path:+$path }$word" in
${all
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      ${quoted(path)}) path=${quoted(path)} ;;`)
  .join('\n')}
    esac
  done
  case "$path" in
${all.map(line).join('\n')}
  esac
  case "$path $previous" in
${all.flatMap(values).join('\n')}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
  esac
  if [[ -n $files && $current != -* ]]; then
    compopt -o filenames 2>/dev/null
    local IFS=$'\\n'
    COMPREPLY+=($(compgen -f -- "$current"))
  fi
}
complete -F _persql persql
`
}
