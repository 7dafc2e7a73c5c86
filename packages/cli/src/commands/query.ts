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
    'Reads SQL from stdin if you pass none. Several statements are one request: up to 1,000, which run one by one up to the first error, or all-or-nothing with --transaction. Without it, they can contain BEGIN and COMMIT.',
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
    const text = args.sql ?? (await readText(options.file ?? '-'))
    const { statements, rest } = splitStatements(text)
    const isSingle = statements.length + (rest === '' ? 0 : 1) < 2
    const params = options.param.map(param)
    if (!isSingle && params.length > 0) throw usage('--param works with a single statement only.')
    const db = await ctx.database(args.database)
    const how = options['idempotency-key'] === undefined ? {} : { idempotencyKey: options['idempotency-key'] }
    const isQuery = isSingle && (!options.transaction || params.length > 0)
    const results = isQuery
      ? [await db.query(text, params, how)]
      : await db.script(text, { transaction: options.transaction, ...how })
    const format = options.format ?? 'table'
    const shown = results.filter(({ columns }) => columns.length > 0)
    const table = shown.map(({ columns, rows }) => render(format as 'table', columns, rows)).join('\n\n')
    if (results[0]) ctx.note(costLine(results))
    const [first] = results
    return { json: isQuery && first ? toJson(first) : results.map(toJson), text: table }
  },
})
