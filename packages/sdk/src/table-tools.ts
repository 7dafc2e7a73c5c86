import { type Tool, toolOf } from './tools.ts'

/** What a tool of `db.asTools()` does, by its name. */
export type RunTableTool = (name: string, input: Record<string, unknown>) => Promise<unknown>

const text = { type: 'string' }
const list = { type: 'array', items: text }
const fields = { type: 'object', additionalProperties: true }
const where = { ...fields, description: 'Columns and the values they must have; null matches NULL.' }
const statement = {
  sql: { ...text, description: 'One SQLite statement with ? for values.' },
  params: { type: 'array', items: {} },
}

const tools: [name: string, description: string, properties: Record<string, unknown>, ...required: string[]][] = [
  ['list_tables', 'List the tables with their row counts.', {}],
  ['describe_schema', 'Show columns, keys and indexes of all tables, or of one.', { table: text }],
  [
    'select_rows',
    'Read rows of a table.',
    { table: text, columns: list, where, orderBy: text, descending: { type: 'boolean' }, limit: { type: 'integer' } },
    'table',
  ],
  [
    'insert_rows',
    'Add up to 100 rows to a table: all or none.',
    { table: text, rows: { type: 'array', items: fields } },
    'table',
    'rows',
  ],
  ['update_rows', 'Change rows of a table.', { table: text, set: fields, where }, 'table', 'set', 'where'],
  ['delete_rows', 'Delete rows of a table.', { table: text, where }, 'table', 'where'],
  ['run_sql', 'Run one SQLite statement.', statement, 'sql'],
  ['validate_sql', 'Check a statement without running it.', statement, 'sql'],
  ['explain_sql', 'Show what a statement would read and write, without running it.', statement, 'sql'],
  ['propose_mutation', 'Tell how many rows a write would change, and get an executionToken.', statement, 'sql'],
  ['apply_mutation', 'Do what was proposed, once.', { executionToken: text }, 'executionToken'],
]

/** The tools of one database. */
export const tableTools = (run: RunTableTool): Tool[] =>
  tools.map(([name, description, properties, ...required]) =>
    toolOf(name, description, properties, required, (input) => run(name, input)),
  )
