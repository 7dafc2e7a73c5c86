import { confirm } from '../ask.ts'
import { type Command, command, yes } from '../command.ts'
import { fields, listing } from '../render.ts'
import { duration, object } from '../values.ts'

const roles = ['readonly', 'readwrite', 'admin'] as const

const list = command({
  path: 'token list',
  summary: 'List the tokens of the namespace, without their secrets',
  async run(ctx) {
    const json = await (await ctx.persql()).tokens.list()
    const columns = ['id', 'name', 'role', 'database', 'preview', 'createdAt', 'expiresAt'] as const
    return { json, text: listing(json, [...columns], 'No tokens.') }
  },
})

const create = command({
  path: 'token create',
  summary: 'Mint a token; its secret is shown once',
  args: { name: { help: 'What it is for' } },
  options: {
    role: { help: 'What it may do; readonly unless it is given', value: 'role', choices: roles },
    table: { help: 'The only tables it may touch', value: 'name', multiple: true },
    claims: { help: 'Claims as a JSON object', value: 'json' },
    expires: { help: 'When it ends, like 30d', value: 'time' },
  },
  examples: ['persql token create dashboard --role readonly --table orders --expires 30d'],
  async run(ctx, { args, options }) {
    const { role = 'readonly', table, claims, expires } = options
    const json = await (await ctx.persql()).tokens.create({
      name: args.name,
      role: role as (typeof roles)[number],
      ...(table.length > 0 && { tableScope: table }),
      ...(claims !== undefined && { claims: object('--claims', claims) }),
      ...(expires !== undefined && { expiresIn: duration('--expires', expires) }),
    })
    return { json, text: fields(json) }
  },
})

const revoke = command({
  path: 'token revoke',
  summary: 'Revoke a token: from then on it is refused everywhere',
  args: { id: { help: 'The id of the token' } },
  options: { yes },
  async run(ctx, { args, options }) {
    await confirm(ctx, `Whatever uses the token ${args.id} stops working.`, args.id, options.yes)
    return { json: await (await ctx.persql()).tokens.revoke(args.id), text: `Revoked ${args.id}.` }
  },
})

export const tokenCommands: Command[] = [list, create, revoke]
