import type { DatabaseChanges, DatabaseFilter, DatabaseInfo, Listed } from '@persql/sdk'
import { usage } from '../cli-error.ts'
import { type Command, command, database, yes } from '../command.ts'
import { fields, listing } from '../format-output.ts'
import { confirm } from '../prompt.ts'
import { bytes, days, pairs, positive } from '../values.ts'

const sorts = ['slug', '-createdAt', '-lastUsedAt', '-storedBytes', '-rows'] as const
const branchFilters = ['include', 'only', 'none'] as const
const statuses = ['healthy', 'provisioning', 'damaged', 'deleting'] as const

const list = command({
  path: 'db list',
  summary: "List the namespace's databases",
  options: {
    label: { help: 'Only databases with these labels', value: 'key=value', multiple: true },
    query: { help: 'Only databases with this text in their slug or name', value: 'text' },
    prefix: { help: 'Only databases whose slug starts with this', value: 'slug' },
    branches: { help: 'Branches (default: include)', value: 'which', choices: branchFilters },
    status: { help: 'Only databases with this status', value: 'status', choices: statuses },
    'forked-from': { help: 'Only branches and forks of this database', value: 'slug' },
    sort: { help: 'Order (default: slug); a minus sorts in descending order', value: 'field', choices: sorts },
    limit: { help: 'At most this many databases (default: all)', value: 'number' },
  },
  examples: ['persql db list --label plan=pro --sort -storedBytes --limit 10'],
  async run(ctx, { options }) {
    const { label, query, prefix, branches, status, sort } = options
    const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : positive('--limit', options.limit)
    const filter: DatabaseFilter = {
      ...(label.length > 0 && { labels: toFilter(pairs('--label', label)) }),
      ...(query !== undefined && { q: query }),
      ...(prefix !== undefined && { prefix }),
      ...(branches !== undefined && { branches: branches as (typeof branchFilters)[number] }),
      ...(status !== undefined && { status: status as (typeof statuses)[number] }),
      ...(options['forked-from'] !== undefined && { forkedFrom: options['forked-from'] }),
      ...(sort !== undefined && { sort: sort as (typeof sorts)[number] }),
    }
    const persql = await ctx.persql()
    const json: DatabaseInfo[] = []
    for (let cursor: string | null = ''; cursor !== null && json.length < limit; ) {
      const pageSize = Math.min(1000, limit - json.length)
      const page: Listed<DatabaseInfo> = await persql.databases.list({ ...filter, pageSize, ...(cursor && { cursor }) })
      json.push(...page)
      cursor = page.meta.nextCursor
    }
    return { json, text: listing(json, ['slug', 'name', 'status', 'branchRef', 'expiresAt'], 'No databases.') }
  },
})

/** Returns labels as the filter of a list has them. */
const toFilter = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}:${value.replace(/[\\,]/g, '\\$&')}`)
    .join(',')

const details = {
  name: { help: 'Display name', value: 'name' },
  description: { help: 'Description', value: 'text' },
  protect: { help: 'Refuse to delete the database' },
} as const

const create = command({
  path: 'db create',
  summary: 'Create a database',
  args: { database },
  options: {
    ...details,
    label: { help: 'Labels', value: 'key=value', multiple: true },
    ttl: { help: 'Delete the database after this many days, for example 30d', value: 'time' },
    'max-size': { help: 'The most that the database can store, for example 1GB', value: 'size' },
  },
  examples: ['persql db create acme/cust-7 --label plan=pro --max-size 1GB'],
  async run(ctx, { args, options: { name, description, protect, label, ttl, 'max-size': maxSize } }) {
    const slug = await ctx.ownSlug(args.database)
    const json = await (await ctx.persql()).databases.create({
      slug,
      ...(name && { name }),
      ...(description && { description }),
      ...(protect && { deleteProtected: true }),
      ...(label.length > 0 && { labels: pairs('--label', label) }),
      ...(ttl !== undefined && { ttlDays: days('--ttl', ttl) }),
      ...(maxSize !== undefined && { maxBytes: bytes('--max-size', maxSize) }),
    })
    return { json, text: `Created ${await ctx.namespace()}/${json.slug}.` }
  },
})

const update = command({
  path: 'db update',
  summary: 'Change the name, labels, limit, expiry or protection of a database',
  args: { database },
  options: {
    ...details,
    'no-protect': { help: 'Allow to delete the database' },
    label: { help: 'Labels to set; "key=" removes a label', value: 'key=value', multiple: true },
    ttl: { help: 'Delete the database after this many days, for example 30d; "never"', value: 'time' },
    'max-size': { help: 'The most that the database can store, for example 1GB; "none"', value: 'size' },
  },
  examples: ['persql db update acme/cust-7 --label plan=pro --label trial= --protect'],
  async run(ctx, { args, options }) {
    const { name, description, protect, label, ttl, 'max-size': maxSize } = options
    if (protect && options['no-protect']) throw usage('Set --protect or --no-protect, not both.')
    const labels = Object.entries(pairs('--label', label)).map(([key, value]) => [key, value === '' ? null : value])
    const changes: DatabaseChanges = {
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description: description === '' ? null : description }),
      ...((protect || options['no-protect']) && { deleteProtected: protect }),
      ...(labels.length > 0 && { labels: Object.fromEntries(labels) }),
      ...(ttl !== undefined && { ttlDays: ttl === 'never' ? null : days('--ttl', ttl) }),
      ...(maxSize !== undefined && { maxBytes: maxSize === 'none' ? null : bytes('--max-size', maxSize) }),
    }
    if (Object.keys(changes).length === 0) throw usage('Nothing to change. Set at least one option.')
    const slug = await ctx.ownSlug(args.database)
    const json = await (await ctx.persql()).databases.update(slug, changes)
    return { json, text: fields(json) }
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

export const databaseCommands: Command[] = [list, create, update, remove, fork]
