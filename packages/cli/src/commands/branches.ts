import { confirm } from '../ask.ts'
import { type Command, command, database, yes } from '../command.ts'
import { count, fields, listing } from '../render.ts'
import { duration } from '../values.ts'

const ref = { help: 'The name of the branch' } as const
const roles = ['read', 'write', 'admin'] as const
const ttl = { help: 'Delete it after this time, like 12h or 7d', value: 'time' } as const

const list = command({
  path: 'db branch list',
  summary: 'List the branches of a database',
  args: { database },
  async run(ctx, { args }) {
    const json = await (await ctx.database(args.database)).branches.list()
    return { json, text: listing(json, ['branchRef', 'slug', 'createdAt', 'expiresAt'], 'No branches.') }
  },
})

const create = command({
  path: 'db branch create',
  summary: 'Make a branch with the schema and without rows, or reset it to the present schema',
  args: { database, ref },
  options: { ttl, name: { help: 'What people call it', value: 'name' } },
  async run(ctx, { args, options }) {
    const db = await ctx.database(args.database)
    const expiresAt =
      options.ttl === undefined ? undefined : new Date(Date.now() + duration('--ttl', options.ttl) * 1000)
    const json = await db.branches.upsert(args.ref, { name: options.name, expiresAt })
    return { json, text: `The branch ${json.branchRef} is ${db.namespace}/${json.slug}.` }
  },
})

const claim = command({
  path: 'db branch claim',
  summary: 'Make or reset a branch and get a token that opens it alone',
  args: { database, ref: { ...ref, optional: true } },
  options: {
    purpose: { help: 'What it is for: a name is made of it', value: 'text' },
    ttl: { ...ttl, help: 'Branch and token end after this time; 0 keeps them' },
    role: { help: 'What the token may do', value: 'role', choices: roles },
  },
  examples: ['persql db branch claim acme/main --purpose "try an index" --ttl 1h'],
  async run(ctx, { args, options }) {
    const db = await ctx.database(args.database)
    const json = await db.branches.claim({
      ref: args.ref,
      purpose: options.purpose,
      ttlSec: options.ttl === undefined ? undefined : duration('--ttl', options.ttl),
      role: options.role as (typeof roles)[number] | undefined,
    })
    return { json, text: fields(json) }
  },
})

interface Report {
  applied: boolean
  planHash: string
  schema: { statements: { sql: string; reason: string; losesData: boolean }[]; conflicts: object[] }
  migrations?: { recorded: string[]; diverged: string[]; tables: { table: string; rows: number }[] }
  data: {
    schemaFirst?: string[]
    tables: {
      table: string
      inserted: number
      updated: number
      deleted: number
      unchanged: number
      conflicts: number
      known: number
    }[]
    conflicts: object[]
  }
}

function told({ applied, schema, migrations, data, planHash }: Report): string {
  const parts = [
    applied ? 'Merged.' : 'Nothing was changed: this is what a merge would do.',
    schema.statements.map(({ sql, losesData }) => `${sql};${losesData ? ' -- loses data' : ''}`).join('\n'),
    ...(migrations?.recorded ?? []).map((name) => `Migration ${name} counts as applied.`),
    ...(migrations?.diverged ?? []).map((name) => `The parent has another migration ${name}, which stays.`),
    ...(migrations?.tables ?? []).map(({ table, rows }) => `${count(rows, 'row')} added to ${table}.`),
    data.schemaFirst && `Merge the schema first: the rows of ${data.schemaFirst.join(', ')} need it.`,
    data.tables.length > 0 &&
      listing(data.tables, ['table', 'inserted', 'updated', 'deleted', 'unchanged', 'conflicts'], ''),
    [...schema.conflicts, ...data.conflicts].map(fields).join('\n\n'),
    `${count(schema.conflicts.length + data.conflicts.length, 'conflict')}; plan ${planHash}`,
  ]
  return parts.filter(Boolean).join('\n\n')
}

const merge = command({
  path: 'db branch merge',
  summary: 'Merge the schema or the rows of a branch into its parent, or tell what that would do',
  args: { database, ref },
  options: {
    mode: {
      help: 'What to merge; preview changes nothing, and is what happens unless it is given',
      value: 'mode',
      choices: ['preview', 'schema', 'data'],
    },
    'on-conflict': { help: 'Whose row stays', value: 'side', choices: ['abort', 'branch', 'parent'] },
    'allow-data-loss': { help: 'Also drop what the branch has dropped' },
    plan: { help: 'The plan of a preview: refused if it would do something else by now', value: 'hash' },
    yes,
  },
  examples: ['persql db branch merge acme/main add-index', 'persql db branch merge acme/main add-index --mode schema'],
  async run(ctx, { args, options }) {
    const db = await ctx.database(args.database)
    const { mode, plan, 'on-conflict': onConflict, 'allow-data-loss': allowDataLoss } = options
    const loses = mode !== undefined && mode !== 'preview' && allowDataLoss
    if (loses) await confirm(ctx, `This may drop tables and rows of ${db.slug}.`, db.slug, options.yes)
    const json = await db.branches.merge(args.ref, {
      mode: mode as 'preview' | 'schema' | 'data' | undefined,
      onConflict: onConflict as 'abort' | 'branch' | 'parent' | undefined,
      allowDataLoss,
      expectedPlan: plan,
      timeoutMs: 0,
    })
    return { json, text: told(json as unknown as Report) }
  },
})

const remove = command({
  path: 'db branch delete',
  summary: 'Delete a branch with its rows',
  args: { database, ref },
  options: { yes },
  async run(ctx, { args, options }) {
    await confirm(ctx, `This deletes the branch ${args.ref} with its rows.`, args.ref, options.yes)
    return { json: await (await ctx.database(args.database)).branches.delete(args.ref), text: `Deleted ${args.ref}.` }
  },
})

export const branchCommands: Command[] = [list, create, claim, merge, remove]
