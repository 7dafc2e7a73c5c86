import { type Command, command, yes } from '../command.ts'
import { count, fields, listing } from '../format-output.ts'
import { confirm } from '../prompt.ts'
import { duration, object } from '../values.ts'

const roles = ['readonly', 'readwrite', 'admin'] as const

const list = command({
  path: 'token list',
  summary: "List the namespace's tokens, without secrets",
  options: {
    query: { help: 'Only tokens with this text in their name, or with this ID', value: 'text' },
    parent: { help: 'Only tokens that this token or app created', value: 'id' },
    database: { help: 'Only tokens that are limited to databases, with this one among them', value: 'slug' },
  },
  async run(ctx, { options: { query, parent, database } }) {
    const json = await (await ctx.persql()).tokens.list({
      ...(query !== undefined && { q: query }),
      ...(parent !== undefined && { parent }),
      ...(database !== undefined && { database }),
    })
    const columns = ['id', 'name', 'role', 'database', 'preview', 'createdAt', 'expiresAt'] as const
    return { json, text: listing(json, [...columns], 'No tokens.') }
  },
})

const get = command({
  path: 'token get',
  summary: 'Show a token, without its secret',
  args: { id: { help: 'Token ID' } },
  async run(ctx, { args }) {
    const json = await (await ctx.persql()).tokens.get(args.id)
    return { json, text: fields(json) }
  },
})

const create = command({
  path: 'token create',
  summary: 'Create a token; the secret is shown once',
  args: { name: { help: 'Token name, shown in the audit log' } },
  options: {
    role: { help: 'Role (default: readonly)', value: 'role', choices: roles },
    table: { help: 'Limit the token to these tables', value: 'name', multiple: true },
    database: { help: 'Limit the token to these databases; "cust-*" is a pattern', value: 'slug', multiple: true },
    branches: { help: 'Also give access to the branches of these databases' },
    operation: { help: 'Limit the token to these operations or groups, such as read', value: 'name', multiple: true },
    origin: { help: 'Allow pages of these origins to use the token', value: 'origin', multiple: true },
    claims: { help: 'Claims as a JSON object', value: 'json' },
    expires: { help: 'Expire after this time, for example 30d', value: 'time' },
  },
  examples: [
    'persql token create dashboard --role readonly --table orders --expires 30d',
    'persql token create page --table orders --origin https://app.example.com',
  ],
  async run(ctx, { args, options }) {
    const { role = 'readonly', table, database, branches, operation, origin, claims, expires } = options
    const json = await (await ctx.persql()).tokens.create({
      name: args.name,
      role: role as (typeof roles)[number],
      ...(table.length > 0 && { tableScope: table }),
      ...(database.length > 0 && { databases: database }),
      ...(branches && { branches }),
      ...(operation.length > 0 && { operations: operation }),
      ...(origin.length > 0 && { origins: origin }),
      ...(claims !== undefined && { claims: object('--claims', claims) }),
      ...(expires !== undefined && { expiresIn: duration('--expires', expires) }),
    })
    return { json, text: fields(json) }
  },
})

const revoke = command({
  path: 'token revoke',
  summary: 'Revoke a token and the tokens it created',
  args: { id: { help: 'Token ID' } },
  options: { 'keep-children': { help: 'Keep the tokens that this token created; they become yours' }, yes },
  async run(ctx, { args, options }) {
    await confirm(ctx, `Apps that use token ${args.id} will lose access.`, args.id, options.yes)
    const children = options['keep-children'] ? 'keep' : 'revoke'
    const json = await (await ctx.persql()).tokens.revoke(args.id, { children })
    const others = count(json.alsoRevoked, 'credential')
    const text = json.alsoRevoked > 0 ? `Revoked ${args.id} and ${others} it created.` : `Revoked ${args.id}.`
    return { json, text }
  },
})

const rotate = command({
  path: 'token rotate',
  summary: "Replace a token's secret; the new secret is shown once",
  details: 'The old secret stops working immediately. The token keeps its ID, its access and the tokens it created.',
  args: { id: { help: 'Token ID' } },
  options: { yes },
  async run(ctx, { args, options }) {
    await confirm(ctx, `Apps that use the old secret of token ${args.id} will lose access.`, args.id, options.yes)
    const json = await (await ctx.persql()).tokens.rotate(args.id)
    return { json, text: fields(json) }
  },
})

export const tokenCommands: Command[] = [list, get, create, revoke, rotate]
