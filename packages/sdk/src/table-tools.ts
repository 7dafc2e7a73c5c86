import { createTool, type RunTool, type Tool } from './tools.ts'

const text = { type: 'string' }
const list = { type: 'array', items: text }
const fields = { type: 'object', additionalProperties: true }
const where = { ...fields, description: 'Columns and the values to match; null matches NULL.' }
/** The input of tools that take a statement. */
export const sqlInput: Record<string, unknown> = {
  sql: { ...text, description: 'One SQLite statement with ? for values.' },
  params: { type: 'array', items: {} },
}

const tools: [name: string, description: string, properties: Record<string, unknown>, ...required: string[]][] = [
  ['list_tables', 'List tables with row counts.', {}],
  ['describe_schema', 'Show the columns, keys and indexes of one table or all tables.', { table: text }],
  [
    'select_rows',
    'Read rows from a table.',
    { table: text, columns: list, where, orderBy: text, descending: { type: 'boolean' }, limit: { type: 'integer' } },
    'table',
  ],
  [
    'insert_rows',
    'Insert up to 100 rows into a table, all-or-nothing.',
    { table: text, rows: { type: 'array', items: fields } },
    'table',
    'rows',
  ],
  ['update_rows', 'Update rows in a table.', { table: text, set: fields, where }, 'table', 'set', 'where'],
  ['delete_rows', 'Delete rows from a table.', { table: text, where }, 'table', 'where'],
  ['run_sql', 'Run one SQLite statement.', sqlInput, 'sql'],
  ['validate_sql', 'Check a statement without running it.', sqlInput, 'sql'],
  ['explain_sql', 'Show which tables a statement would read and write, without running it.', sqlInput, 'sql'],
  [
    'propose_mutation',
    'Dry-run a write: show how many rows it would change and return an executionToken.',
    sqlInput,
    'sql',
  ],
  ['apply_mutation', 'Apply a proposed write, once.', { executionToken: text }, 'executionToken'],
]

/** Returns the tools of one database. */
export const tableTools = (toRun: (name: string) => RunTool): Tool[] =>
  tools.map(([name, description, properties, ...required]) =>
    createTool(name, description, properties, required, toRun(name)),
  )
