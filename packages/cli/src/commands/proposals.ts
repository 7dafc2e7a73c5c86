import { type Command, command, database } from '../command.ts'
import { fields, money } from '../render.ts'
import { duration, param } from '../values.ts'

const propose = command({
  path: 'db propose',
  summary: 'Tell what a write would do, without doing it, and get a token that does exactly that, once',
  args: { database, sql: { help: 'The statement' } },
  options: {
    param: { help: 'A value for the next ?', short: 'p', value: 'value', multiple: true },
    ttl: { help: 'How long it stands, like 10m', value: 'time' },
  },
  examples: [`persql db propose acme/main "DELETE FROM people WHERE id = ?" --param 1`],
  async run(ctx, { args, options }) {
    const db = await ctx.database(args.database)
    const ttlSec = options.ttl === undefined ? undefined : duration('--ttl', options.ttl)
    const json = await db.proposals.propose(args.sql, { params: options.param.map(param), ttlSec })
    const { estimatedAffectedRows: rows, executionToken, expiresAt } = json
    const text = fields({ sql: json.sql, 'affected rows': rows ?? 'not known', 'stands until': expiresAt })
    return { json, text: `${text}\n\nDo it: persql db apply ${db.namespace}/${db.slug} ${executionToken}` }
  },
})

const done = ({ changes, rowsWritten, meta }: { changes?: number; rowsWritten: number; meta?: { costUsd: number } }) =>
  `Done: ${changes ?? rowsWritten} rows changed, ${money(meta?.costUsd ?? 0)}.`

const apply = command({
  path: 'db apply',
  summary: 'Do what was proposed, once',
  args: { database, token: { help: 'The executionToken of the proposal' } },
  async run(ctx, { args }) {
    const { data: _, ...json } = await (await ctx.database(args.database)).proposals.apply(args.token)
    return { json, text: done(json) }
  },
})

const redeem = command({
  path: 'db redeem',
  summary: 'Run what was approved by a human, once',
  details: 'A write to a guarded table ends with exit code 5 and the approvalToken for this.',
  args: { database, token: { help: 'The approvalToken' } },
  options: { wait: { help: 'Wait until somebody has decided, for so long, like 10m', value: 'time' } },
  async run(ctx, { args, options }) {
    const { approvals } = await ctx.database(args.database)
    if (options.wait !== undefined) {
      await approvals.poll(args.token, { timeoutMs: duration('--wait', options.wait) * 1000, signal: ctx.signal })
    }
    const results = [await approvals.redeem(args.token)].flat()
    const json = results.map(({ data: _, ...result }) => result)
    return { json, text: json.map(done).join('\n') }
  },
})

export const proposalCommands: Command[] = [propose, apply, redeem]
