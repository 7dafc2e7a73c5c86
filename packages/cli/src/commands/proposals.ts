import { type Command, command, database } from '../command.ts'
import { count, fields, money } from '../format-output.ts'
import { duration, param } from '../values.ts'

const propose = command({
  path: 'db propose',
  summary: 'Dry-run a write and get a token that applies exactly that write, once',
  args: { database, sql: { help: 'SQL statement' } },
  options: {
    param: { help: 'Value for the next ? placeholder', short: 'p', value: 'value', multiple: true },
    ttl: { help: 'How long the proposal is valid (default: 10m)', value: 'time' },
  },
  examples: [`persql db propose acme/main "DELETE FROM people WHERE id = ?" --param 1`],
  async run(ctx, { args, options }) {
    const db = await ctx.database(args.database)
    const ttlSec = options.ttl === undefined ? undefined : duration('--ttl', options.ttl)
    const json = await db.proposals.propose(args.sql, { params: options.param.map(param), ttlSec })
    const { estimatedAffectedRows: rows, executionToken, expiresAt } = json
    const text = fields({ sql: json.sql, 'affected rows': rows ?? 'unknown', expires: expiresAt })
    return { json, text: `${text}\n\nTo apply: persql db apply ${db.namespace}/${db.slug} ${executionToken}` }
  },
})

const done = ({ changes, rowsWritten, meta }: { changes?: number; rowsWritten: number; meta?: { costUsd: number } }) =>
  `Done. ${count(changes ?? rowsWritten, 'row')} changed, ${money(meta?.costUsd ?? 0)}.`

const apply = command({
  path: 'db apply',
  summary: 'Apply a proposal, once',
  args: { database, token: { help: 'executionToken from the proposal' } },
  async run(ctx, { args }) {
    const { data: _, ...json } = await (await ctx.database(args.database)).proposals.apply(args.token)
    return { json, text: done(json) }
  },
})

const redeem = command({
  path: 'db redeem',
  summary: 'Run an approved write, once',
  details: 'A write to a protected table exits with code 5 and prints the approvalToken to use here.',
  args: { database, token: { help: 'approvalToken of the request' } },
  options: { wait: { help: 'Wait for a decision for up to this long, for example 10m', value: 'time' } },
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
