import { type Command, command, database, yes } from '../command.ts'
import { formatDiff } from '../format-diff.ts'
import { count, fields, listing } from '../format-output.ts'
import { confirm } from '../prompt.ts'
import { duration } from '../values.ts'

const ref = { help: 'Branch name' } as const
const roles = ['read', 'write', 'admin'] as const
const ttl = { help: 'Delete the branch after this time, for example 12h or 7d', value: 'time' } as const

const name = { help: 'Display name', value: 'name' } as const
const keepTokens = { help: 'Keep the tokens of a branch that is reset valid' } as const

const toExpiry = (ttl: string | undefined): Date | undefined =>
  ttl === undefined ? undefined : new Date(Date.now() + duration('--ttl', ttl) * 1000)

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
  summary: "Create a branch with the parent's schema and no rows, or reset an existing one",
  args: { database, ref },
  options: { ttl, name, 'keep-tokens': keepTokens },
  async run(ctx, { args, options }) {
    const db = await ctx.database(args.database)
    const setup = { name: options.name, expiresAt: toExpiry(options.ttl), keepTokens: options['keep-tokens'] }
    const json = await db.branches.upsert(args.ref, setup)
    return { json, text: `Branch ${json.branchRef} is ready: ${db.namespace}/${json.slug}.` }
  },
})

const update = command({
  path: 'db branch update',
  summary: 'Change the display name or expiry of a branch, without a reset',
  args: { database, ref },
  options: { ttl: { ...ttl, help: 'Delete the branch after this time, from now; 0 for never' }, name },
  examples: ['persql db branch update acme/main pr-42 --ttl 7d'],
  async run(ctx, { args, options }) {
    const db = await ctx.database(args.database)
    const expiresAt = options.ttl === '0' ? null : toExpiry(options.ttl)
    const json = await db.branches.update(args.ref, { name: options.name, expiresAt })
    return { json, text: fields(json) }
  },
})

const claim = command({
  path: 'db branch claim',
  summary: 'Create or reset a branch and get a token limited to it',
  args: { database, ref: { ...ref, optional: true } },
  options: {
    purpose: { help: 'Purpose of the branch; used for its name', value: 'text' },
    ttl: { ...ttl, help: 'Expire the branch and its token after this time; 0 for never (default: 1h)' },
    role: { help: 'Role of the token (default: write)', value: 'role', choices: roles },
    'keep-tokens': keepTokens,
  },
  examples: ['persql db branch claim acme/main --purpose "try an index" --ttl 1h'],
  async run(ctx, { args, options }) {
    const db = await ctx.database(args.database)
    const json = await db.branches.claim({
      ref: args.ref,
      purpose: options.purpose,
      ttlSec: options.ttl === undefined ? undefined : duration('--ttl', options.ttl),
      role: options.role as (typeof roles)[number] | undefined,
      keepTokens: options['keep-tokens'],
    })
    return { json, text: fields(json) }
  },
})

const diff = command({
  path: 'db branch diff',
  summary: 'Compare a branch with its database: schema and migrations',
  args: { database, ref },
  options: {
    rows: { help: 'Compare the rows too, which reads all of them' },
    markdown: { help: 'Print Markdown, for example for a comment on a pull request' },
  },
  examples: ['persql db branch diff acme/main pr-42 --markdown'],
  async run(ctx, { args, options }) {
    const db = await ctx.database(args.database)
    const json = await db.branches.diff(args.ref, { rows: options.rows, timeoutMs: 0 })
    const title = `Database changes: ${args.ref} → ${db.namespace}/${db.slug}`
    return { json, text: formatDiff(title, json, options.markdown) }
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

function formatReport({ applied, schema, migrations, data, planHash }: Report): string {
  const parts = [
    applied ? 'Merged.' : 'Preview only. Nothing was changed.',
    schema.statements.map(({ sql, losesData }) => `${sql};${losesData ? ' -- deletes data' : ''}`).join('\n'),
    ...(migrations?.recorded ?? []).map((name) => `Migration ${name} is recorded as applied.`),
    ...(migrations?.diverged ?? []).map(
      (name) => `The parent has a different migration named ${name}, which stays unchanged.`,
    ),
    ...(migrations?.tables ?? []).map(({ table, rows }) => `${count(rows, 'row')} added to ${table}.`),
    data.schemaFirst && `Merge the schema first. Rows of ${data.schemaFirst.join(', ')} depend on it.`,
    data.tables.length > 0 &&
      listing(data.tables, ['table', 'inserted', 'updated', 'deleted', 'unchanged', 'conflicts'], ''),
    [...schema.conflicts, ...data.conflicts].map(fields).join('\n\n'),
    `${count(schema.conflicts.length + data.conflicts.length, 'conflict')}; plan ${planHash}`,
  ]
  return parts.filter(Boolean).join('\n\n')
}

const merge = command({
  path: 'db branch merge',
  summary: "Merge a branch's schema or rows into its parent, or preview the merge",
  args: { database, ref },
  options: {
    mode: {
      help: 'Scope of the merge (default: preview, which changes nothing)',
      value: 'mode',
      choices: ['preview', 'schema', 'data', 'migrations'],
    },
    'on-conflict': {
      help: 'Resolution of row conflicts (default: abort)',
      value: 'side',
      choices: ['abort', 'branch', 'parent'],
    },
    'allow-data-loss': { help: 'Also apply changes that delete or convert values in the parent' },
    plan: { help: 'Plan hash from a preview; the merge fails if the plan has changed', value: 'hash' },
    yes,
  },
  examples: ['persql db branch merge acme/main add-index', 'persql db branch merge acme/main add-index --mode schema'],
  async run(ctx, { args, options }) {
    const db = await ctx.database(args.database)
    const { mode, plan, 'on-conflict': onConflict, 'allow-data-loss': allowDataLoss } = options
    const loses = mode !== undefined && mode !== 'preview' && allowDataLoss
    if (loses) await confirm(ctx, `This may drop tables and rows in ${db.slug}.`, db.slug, options.yes)
    const json = await db.branches.merge(args.ref, {
      mode: mode as 'preview' | 'schema' | 'data' | 'migrations' | undefined,
      onConflict: onConflict as 'abort' | 'branch' | 'parent' | undefined,
      allowDataLoss,
      expectedPlan: plan,
      timeoutMs: 0,
    })
    return { json, text: formatReport(json as unknown as Report) }
  },
})

const remove = command({
  path: 'db branch delete',
  summary: 'Delete a branch and its rows',
  args: { database, ref },
  options: { yes },
  async run(ctx, { args, options }) {
    await confirm(ctx, `This deletes branch ${args.ref} and its rows.`, args.ref, options.yes)
    return { json: await (await ctx.database(args.database)).branches.delete(args.ref), text: `Deleted ${args.ref}.` }
  },
})

export const branchCommands: Command[] = [list, create, claim, update, diff, merge, remove]
