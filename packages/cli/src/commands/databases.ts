import type { DatabaseInfo } from '@persql/sdk'
import { type Command, command, database, yes } from '../command.ts'
import { fields, listing } from '../format-output.ts'
import { confirm } from '../prompt.ts'
import { days } from '../values.ts'

const list = command({
  path: 'db list',
  summary: "List the namespace's databases",
  async run(ctx) {
    const persql = await ctx.persql()
    const databases: DatabaseInfo[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await persql.databases.list({ pageSize: 1000, ...(cursor && { cursor }) })
      databases.push(...page)
      cursor = page.meta.nextCursor
    }
    return {
      json: databases,
      text: listing(databases, ['slug', 'name', 'status', 'branchRef', 'expiresAt'], 'No databases.'),
    }
  },
})

const create = command({
  path: 'db create',
  summary: 'Create a database',
  args: { database },
  options: { name: { help: 'Display name', value: 'name' } },
  async run(ctx, { args, options }) {
    const slug = await ctx.ownSlug(args.database)
    const json = await (await ctx.persql()).databases.create({ slug, ...(options.name && { name: options.name }) })
    return { json, text: `Created ${await ctx.namespace()}/${json.slug}.` }
  },
})

const remove = command({
  path: 'db delete',
  summary: 'Delete a database and all its data',
  args: { database },
  options: { yes },
  async run(ctx, { args, options }) {
    const slug = await ctx.ownSlug(args.database)
    await confirm(ctx, `This deletes ${slug} with all its data, branches, snapshots and endpoints.`, slug, options.yes)
    return { json: await (await ctx.persql()).databases.delete(slug), text: `Deleted ${slug}.` }
  },
})

const fork = command({
  path: 'db fork',
  summary: 'Create an independent copy with the schema and all rows',
  args: { database, slug: { help: 'Name of the new database' } },
  options: {
    ttl: { help: 'Delete the copy after this many days, for example 7d', value: 'time' },
    name: { help: 'Display name', value: 'name' },
  },
  examples: ['persql db fork acme/main what-if --ttl 7d'],
  async run(ctx, { args, options }) {
    const db = await ctx.database(args.database)
    const ttlDays = options.ttl === undefined ? undefined : days('--ttl', options.ttl)
    const json = await db.fork(args.slug, { name: options.name, ttlDays, timeoutMs: 0 })
    return { json, text: `Forked ${db.namespace}/${db.slug} to ${db.namespace}/${json.slug}.\n${fields(json)}` }
  },
})

export const databaseCommands: Command[] = [list, create, remove, fork]
