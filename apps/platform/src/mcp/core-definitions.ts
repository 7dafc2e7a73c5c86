import type { Definition } from './tools.ts'

const text = { type: 'string' }

/**
 * The definitions of the tools of the short list besides `query` and `batch`. All schemas would cost an agent about 25,000
 * tokens.
 */
export const coreDefinitions = {
  describe: {
    name: 'describe',
    description: 'List databases or, with "database", show the tables of one database as SQL',
    inputSchema: { type: 'object', properties: { database: text } },
    outputSchema: {
      type: 'object',
      properties: { databases: { type: 'array', items: text }, schema: text, error: text },
    },
    annotations: { readOnlyHint: true, openWorldHint: false },
  },
  find_tools: {
    name: 'find_tools',
    description:
      'Find more tools by keyword (branches, snapshots, migrations, proposals, endpoints, tokens, billing…). Returns input schemas',
    inputSchema: { type: 'object', properties: { words: text }, required: ['words'] },
    outputSchema: {
      type: 'object',
      properties: { tools: { type: 'array' }, others: { type: 'array' }, error: text },
    },
    annotations: { readOnlyHint: true, openWorldHint: false },
  },
  call_tool: {
    name: 'call_tool',
    description: 'Call a tool returned by find_tools',
    inputSchema: {
      type: 'object',
      properties: { name: text, arguments: { type: 'object' } },
      required: ['name'],
    },
    outputSchema: { type: 'object', properties: {} },
    annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: true },
  },
} as const satisfies Readonly<Record<string, Definition>>
