import { command, database } from '../command.ts'
import { historyFile } from '../config.ts'
import { CliError, usage } from '../exits.ts'

export const shell = command({
  path: 'db shell',
  summary: 'Type SQL at a database, with history and completion',
  details:
    'Statements end with ;. Ctrl-C ends the statement that runs, Ctrl-D the shell. From a pipe it runs what it reads, up to the first failure.',
  args: { database },
  async run(ctx, { args }) {
    if (ctx.json) throw usage('A shell has no one answer: persql db query --json has.')
    const [{ Session }, { createInterface }] = await Promise.all([
      import('../shell/session.ts'),
      import('node:readline'),
    ])
    const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true
    const db = await ctx.database(args.database)
    const session = new Session(ctx, db, interactive)
    if (interactive) {
      const { interact } = await import('../shell/interactive.ts')
      await db.tables()
      await session.refresh()
      process.stdout.write(`${db.namespace}/${db.slug}. .help tells more, Ctrl-D leaves.\n`)
      await interact(session, historyFile(ctx.env))
      return undefined
    }
    for await (const line of createInterface({ input: process.stdin, terminal: false })) {
      if (!(await session.take(line))) throw new CliError('failed', 'statement_failed', 'Stopped at this statement.')
      if (session.quit) return undefined
    }
    if (!(await session.finish())) throw new CliError('failed', 'statement_failed', 'Stopped at this statement.')
    return undefined
  },
})
