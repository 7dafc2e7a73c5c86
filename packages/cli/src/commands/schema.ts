import { type Command, command, database } from '../command.ts'
import { fields, listing } from '../render.ts'

const tables = command({
  path: 'db tables',
  summary: 'List the tables with their row counts',
  args: { database },
  async run(ctx, { args }) {
    const json = await (await ctx.database(args.database)).tables()
    return { json, text: listing(json, ['name', 'rowCount'], 'No tables.') }
  },
})

const describe = command({
  path: 'db describe',
  summary: 'Show the whole schema with what is written about it',
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
  summary: 'Find tables, columns and views by words',
  args: { database, words: { help: 'What to look for' } },
  async run(ctx, { args }) {
    const json = await (await ctx.database(args.database)).search(args.words)
    return { json, text: listing(json.hits, ['kind', 'table', 'column', 'score', 'description'], 'Nothing was found.') }
  },
})

const doctor = command({
  path: 'db doctor',
  summary: 'Tell what in the schema confuses people and models',
  args: { database },
  async run(ctx, { args }) {
    const json = await (await ctx.database(args.database)).doctor()
    const text = listing(json.findings, ['severity', 'rule', 'table', 'column', 'message'], 'Nothing was found.')
    return { json, text: `${text}\n\n${fields({ tables: json.tables, omitted: json.omitted })}` }
  },
})

export const schemaCommands: Command[] = [tables, describe, search, doctor]
