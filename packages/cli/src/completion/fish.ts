import type { Command } from '../command.ts'
import { listOptions, places } from './words.ts'

const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

function lines(commands: readonly Command[]): string[] {
  return places(commands).flatMap(({ path, next, command }) => {
    const at = `complete -c persql -n ${quoted(`__persql_at "${path}"`)}`
    const args = Object.values(command?.args ?? {})
    const options = Object.entries(command ? listOptions(command) : {})
    return [
      ...next.map(([word, help]) => `${at} -f -a ${quoted(word)} -d ${quoted(help)}`),
      ...args.flatMap(({ choices, file }) => {
        if (choices) return [`${at} -f -a ${quoted(choices.join(' '))}`]
        return file ? [`${at} -F`] : []
      }),
      ...options.map(([name, { short, value, choices, file, help }]) => {
        const takes = !value ? '' : choices ? ` -x -a ${quoted(choices.join(' '))}` : file ? ' -r' : ' -x'
        return `${at} -l ${name}${short ? ` -s ${short}` : ''}${takes} -d ${quoted(help)}`
      }),
    ]
  })
}

/** Returns the completion script for fish. */
export function fish(commands: readonly Command[]): string {
  const paths = places(commands).flatMap(({ path }) => (path === '' ? [] : [quoted(path)]))
  return `# persql completion for fish: persql completion fish > ~/.config/fish/completions/persql.fish
function __persql_at
    set -l place
    for word in (commandline -opc)[2..-1]
        set -l longer (string join ' ' $place $word)
        if contains -- $longer ${paths.join(' ')}
            set place $longer
        end
    end
    test "$place" = "$argv[1]"
end
complete -c persql -f
${lines(commands).join('\n')}
`
}
