import { type Command, command } from '../command.ts'
import { bash } from '../completion/bash.ts'
import { fish } from '../completion/fish.ts'
import { zsh } from '../completion/zsh.ts'
import { commandHelp, markdown, overview } from '../help.ts'
import { find } from '../parse.ts'

const scripts = { bash, zsh, fish }

/** The commands about the program itself. */
export const selfCommands = (commands: () => readonly Command[]): Command[] => [
  command({
    path: 'completion',
    summary: 'Print a shell completion script',
    args: { shell: { help: 'Shell', choices: ['bash', 'zsh', 'fish'] } },
    examples: ['source <(persql completion bash)', 'persql completion fish > ~/.config/fish/completions/persql.fish'],
    async run(_ctx, { args }) {
      const text = scripts[args.shell as keyof typeof scripts](commands()).trimEnd()
      return { json: { script: text }, text }
    },
  }),
  command({
    path: 'help',
    summary: 'Show all commands, or help for one',
    args: {
      first: { help: 'First word of the command', optional: true },
      second: { help: 'Second word of the command', optional: true },
      third: { help: 'Third word of the command', optional: true },
    },
    options: { markdown: { help: 'Print all help as a Markdown page' } },
    async run(_ctx, { args, options }) {
      const words = [args.first, args.second, args.third].filter((word) => word !== undefined)
      const found = find(commands(), words)
      const text = options.markdown
        ? markdown(commands())
        : found
          ? commandHelp(found)
          : overview(commands(), words.join(' '))
      return { json: { text }, text: text.trimEnd() }
    },
  }),
]
