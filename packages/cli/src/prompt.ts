import { Writable } from 'node:stream'
import { CliError } from './cli-error.ts'
import type { Context } from './context.ts'

/** Returns whether a user can be prompted. */
export const isInteractive = () => process.stdin.isTTY === true && process.stderr.isTTY === true

/** Prompts on stderr, because stdout is for results. `hidden` hides the input. */
export async function ask(
  question: string,
  { hidden = false, signal }: { hidden?: boolean; signal?: AbortSignal } = {},
) {
  const { createInterface } = await import('node:readline/promises')
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: hidden ? silent : undefined, terminal: hidden })
  // The prompt comes last, so that the terminal already hides the input.
  process.stderr.write(question)
  const closed = new Promise<never>((_, reject) => {
    const end = () => reject(new CliError('interrupted', 'interrupted', 'Interrupted.'))
    lines.once('SIGINT', end).once('close', end)
  })
  closed.catch(() => {})
  try {
    return (await Promise.race([lines.question('', { signal }), closed])).trim()
  } finally {
    lines.close()
    if (hidden) process.stderr.write('\n')
  }
}

/** Asks the user to type a name, unless `--yes` was passed. @throws CliError if not confirmed */
export async function confirm(ctx: Context, what: string, name: string, yes: boolean): Promise<void> {
  if (yes) return
  if (ctx.json || !isInteractive()) {
    throw new CliError('refused', 'not_confirmed', `${what} To confirm, pass --yes.`)
  }
  const typed = await ask(`${what}\nType ${name} to confirm: `, { signal: ctx.signal })
  if (typed !== name) throw new CliError('refused', 'not_confirmed', "The name doesn't match. Nothing was changed.")
}
