import { type Command, command, database } from '../command.ts'
import { fields, listing } from '../format-output.ts'

const tables = command({
  path: 'db tables',
  summary: 'List tables with row counts',
  args: { database },
  async run(ctx, { args }) {
    const json = await (await ctx.database(args.database)).tables()
    return { json, text: listing(json, ['name', 'rowCount'], 'No tables.') }
  },
})

const describe = command({
  path: 'db describe',
  summary: 'Show the schema with its descriptions',
  args: { database },
  async run(ctx, { args }) {
    const db = await ctx.database(args.database)
    if (ctx.json) return { json: await db.describe(), text: '' }
    const text = await db.describeCompact()
    return { json: { text }, text: text.trimEnd() }
  },
})

const search = command({
  path: 'db search',
  summary: 'Search tables, columns and views',
  args: { database, words: { help: 'Search terms' } },
  async run(ctx, { args }) {
    const json = await (await ctx.database(args.database)).search(args.words)
    return { json, text: listing(json.hits, ['kind', 'table', 'column', 'score', 'description'], 'No results.') }
  },
})

const doctor = command({
  path: 'db doctor',
  summary: 'Find schema problems that confuse people and AI models',
  args: { database },
  async run(ctx, { args }) {
    const json = await (await ctx.database(args.database)).doctor()
    const text = listing(json.findings, ['severity', 'rule', 'table', 'column', 'message'], 'No problems found.')
    return { json, text: `${text}\n\n${fields({ tables: json.tables, omitted: json.omitted })}` }
  },
})

export const schemaCommands: Command[] = [tables, describe, search, doctor]
