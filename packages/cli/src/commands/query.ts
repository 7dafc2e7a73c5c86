import type { QueryResult } from '@persql/sdk'
import { usage } from '../cli-error.ts'
import { command, database, type Result } from '../command.ts'
import { modes, plain, render } from '../format-output.ts'
import { costLine } from '../shell/cost.ts'
import { splitStatements } from '../shell/statements.ts'
import { param, readText } from '../values.ts'

/** Returns a result as JSON: rows as objects, and also as arrays if column names repeat. */
const toJson = ({ data: _, rows, columns, meta, ...rest }: QueryResult) => {
  const values = rows.map((row) => row.map(plain))
  const data = values.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], value])))
  return { data, columns, ...(new Set(columns).size < columns.length && { rows: values }), ...rest, meta }
}

export const query = command({
  path: 'db query',
  summary: 'Run one or more SQL statements',
  details:
    'Reads SQL from stdin if you pass none. Several statements run one by one, or all-or-nothing with --transaction.',
  args: { database, sql: { help: 'SQL statements', optional: true } },
  options: {
    file: { help: 'Read SQL from a file; - reads stdin', short: 'f', value: 'file', file: true },
    param: {
      help: 'Value for the next ?: numbers, true, false, null, "quoted text" and {"base64": "…"} are parsed as JSON, anything else is text',
      short: 'p',
      value: 'value',
      multiple: true,
    },
    format: { help: 'Output format', value: 'format', choices: modes },
    transaction: { help: 'Run all statements in one transaction' },
    'idempotency-key': { help: 'Idempotency key: repeated calls with the same key run once in 24 hours', value: 'key' },
  },
  examples: [
    `persql db query acme/main "SELECT * FROM people WHERE id = ?" --param 1`,
    'persql db query acme/main --transaction -f changes.sql',
  ],
  async run(ctx, { args, options }): Promise<Result> {
    if (args.sql !== undefined && options.file !== undefined) throw usage('Pass SQL or --file, not both.')
    const { statements, rest } = splitStatements(args.sql ?? (await readText(options.file ?? '-')))
    const all = rest.trim() === '' ? statements : [...statements, rest]
    const params = options.param.map(param)
    if (all.length !== 1 && params.length > 0) throw usage('--param works with a single statement only.')
    const db = await ctx.database(args.database)
    const how = options['idempotency-key'] === undefined ? {} : { idempotencyKey: options['idempotency-key'] }
    const single = all.length < 2 && !options.transaction
    const results = single
      ? [await db.query(all[0] ?? '', params, how)]
      : await db.batch(
          all.map((sql) => ({ sql, params })),
          { transaction: options.transaction, ...how },
        )
    const format = options.format ?? 'table'
    const shown = results.filter(({ columns }) => columns.length > 0)
    const text = shown.map(({ columns, rows }) => render(format as 'table', columns, rows)).join('\n\n')
    if (results[0]) ctx.note(costLine(results))
    const [first] = results
    return { json: single && first ? toJson(first) : results.map(toJson), text }
  },
})
