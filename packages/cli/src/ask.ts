import { Writable } from 'node:stream'
import type { Context } from './context.ts'
import { CliError } from './exits.ts'

/** Whether there is a person to ask. */
export const attended = () => process.stdin.isTTY === true && process.stderr.isTTY === true

/** Asks on stderr: stdout is for answers. Hidden: what is typed is not shown. */
export async function ask(
  question: string,
  { hidden = false, signal }: { hidden?: boolean; signal?: AbortSignal } = {},
) {
  const { createInterface } = await import('node:readline/promises')
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: hidden ? silent : undefined, terminal: hidden })
  // After that: what is typed at the question must not meet a terminal that still shows it.
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

/** Goes on only when the name was typed, or `--yes` was given. */
export async function confirm(ctx: Context, what: string, name: string, yes: boolean): Promise<void> {
  if (yes) return
  if (ctx.json || !attended()) {
    throw new CliError('refused', 'not_confirmed', `${what} Give --yes to do that without being asked.`)
  }
  const typed = await ask(`${what}\nType ${name} to go on: `, { signal: ctx.signal })
  if (typed !== name) throw new CliError('refused', 'not_confirmed', 'That is not the name, so nothing was done.')
}
