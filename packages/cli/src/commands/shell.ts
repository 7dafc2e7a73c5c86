import { CliError, usage } from '../cli-error.ts'
import { command, database } from '../command.ts'
import { historyFile } from '../config.ts'

const stopped = () => new CliError('failed', 'statement_failed', 'Stopped at the first error.')

export const shell = command({
  path: 'db shell',
  summary: 'Open an interactive SQL shell with history and completion',
  details:
    'End statements with ;. Ctrl-C stops waiting for the running statement, Ctrl-D exits. BEGIN and COMMIT enclose a transaction. Piped input runs up to the first error.',
  args: { database },
  async run(ctx, { args }) {
    if (ctx.json) throw usage('The shell has no --json output. Use persql db query --json.')
    const [{ Session }, { createInterface }] = await Promise.all([
      import('../shell/session.ts'),
      import('node:readline'),
    ])
    const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true
    const db = await ctx.database(args.database)
    const session = new Session(ctx, db, interactive)
    if (interactive) {
      const { runInteractive } = await import('../shell/interactive.ts')
      await db.tables()
      await session.refresh()
      process.stdout.write(`${db.namespace}/${db.slug}. Type .help for help, Ctrl-D to exit.\n`)
      await runInteractive(session, historyFile(ctx.env))
      return undefined
    }
    try {
      for await (const line of createInterface({ input: process.stdin, terminal: false })) {
        if (!(await session.take(line))) throw stopped()
        if (session.quit) break
      }
      if (!session.quit && !(await session.finish())) throw stopped()
    } catch (cause) {
      await session.close()
      throw cause
    }
    if (await session.close()) {
      throw new CliError('failed', 'not_committed', 'The input ended without COMMIT. The transaction was rolled back.')
    }
    return undefined
  },
})
