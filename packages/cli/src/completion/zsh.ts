import type { Command } from '../command.ts'
import { type CompletionContext, listOptions, places, quoted } from './words.ts'

const entry = (word: string, help: string) => quoted(`${word.replaceAll(':', '\\:')}:${help}`)
const list = (rows: readonly (readonly [string, string])[]) => rows.map(([word, help]) => entry(word, help)).join(' ')

function line({ path, next, command }: CompletionContext): string {
  const args = Object.values(command?.args ?? {})
  const words = [...next, ...args.flatMap(({ choices = [], help }) => choices.map((one) => [one, help] as const))]
  const options = command
    ? Object.entries(listOptions(command)).map(([name, { help }]) => [`--${name}`, help] as const)
    : []
  const files = args.some(({ file }) => file) ? ' files=1' : ''
  return `    ${quoted(path)}) words=(${list(words)}) options=(${list(options)})${files} ;;`
}

const values = ({ path, command }: CompletionContext) =>
  Object.entries(command ? listOptions(command) : {})
    .filter(([, { value }]) => value)
    .map(([name, { choices = [], file, help }]) => {
      const words = list(choices.map((one) => [one, help]))
      return `    ${quoted(`${path} --${name}`)}) options=() words=(${words})${file ? ' files=1' : ' files='} ;;`
    })

/** Returns the completion script for zsh. */
export function zsh(commands: readonly Command[]): string {
  const all = places(commands)
  return `#compdef persql
# persql completion for zsh: persql completion zsh > "\${fpath[1]}/_persql"
_persql() {
  local place= files= word
  local -a options
  local -a candidates
  for word in \${words[2,CURRENT-1]}; do
    case "\${place:+$place }$word" in
${all
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      ${quoted(path)}) place=${quoted(path)} ;;`)
  .join('\n')}
    esac
  done
  case "$place" in
${all.map(line).join('\n').replaceAll(' words=(', ' candidates=(')}
  esac
  case "$place \${words[CURRENT-1]}" in
${all.flatMap(values).join('\n').replaceAll(' words=(', ' candidates=(')}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe option options
  else
    (( \${#candidates} )) && _describe command candidates
    [[ -n $files ]] && _files
  fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _persql "$@"; else compdef _persql persql; fi
`
}
