import type { QueryResult } from '@persql/sdk'
import { command, database, type Result } from '../command.ts'
import { usage } from '../exits.ts'
import { modes, plain, render } from '../render.ts'
import { costLine } from '../shell/cost.ts'
import { splitStatements } from '../shell/statements.ts'
import { param, textOf } from '../values.ts'

/** A result as JSON: rows by the names of their columns, and as they came where names are repeated. */
const jsonOf = ({ data: _, rows, columns, meta, ...rest }: QueryResult) => {
  const values = rows.map((row) => row.map(plain))
  const data = values.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], value])))
  return { data, columns, ...(new Set(columns).size < columns.length && { rows: values }), ...rest, meta }
}

export const query = command({
  path: 'db query',
  summary: 'Run one SQL statement, or several',
  details: 'Without SQL it is read from stdin. Several statements run one by one, or with --transaction all or none.',
  args: { database, sql: { help: 'The statements', optional: true } },
  options: {
    file: { help: 'Read the statements from a file; - is stdin', short: 'f', value: 'file', file: true },
    param: {
      help: 'A value for the next ?: numbers, true, false and null as JSON has them, all else is text',
      short: 'p',
      value: 'value',
      multiple: true,
    },
    format: { help: 'How rows are printed', value: 'format', choices: modes },
    transaction: { help: 'All statements or none' },
    'idempotency-key': { help: 'Calls with the same key happen once in 24 hours', value: 'key' },
  },
  examples: [
    `persql db query acme/main "SELECT * FROM people WHERE id = ?" --param 1`,
    'persql db query acme/main --transaction -f changes.sql',
  ],
  async run(ctx, { args, options }): Promise<Result> {
    if (args.sql !== undefined && options.file !== undefined) throw usage('Give SQL or --file, not both.')
    const { statements, rest } = splitStatements(args.sql ?? (await textOf(options.file ?? '-')))
    const all = rest.trim() === '' ? statements : [...statements, rest]
    const params = options.param.map(param)
    if (all.length !== 1 && params.length > 0) throw usage('--param is for one statement.')
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
    return { json: single && first ? jsonOf(first) : results.map(jsonOf), text }
  },
})
