/** The database and the token that snippets contain. */
export interface Place {
  origin: string
  /** The database address: `namespace/database`. */
  address: string
  token: string
  /** The name or URL of the SDK that `npm install` takes. */
  sdk: string
}

/** Setup instructions for one client. */
export interface Snippet {
  id: string
  name: string
  /** The file or command that takes the code. */
  where: string
  code: string
}

/** Returns the snippets of all clients. `quote` is the shell quote; double quotes expand a variable in the token. */
export function snippets({ origin, address, token, sdk }: Place, quote: "'" | '"' = "'"): Snippet[] {
  const mcp = { url: `${origin}/mcp`, headers: { Authorization: `Bearer ${token}` } }
  const authorization = `${quote}Authorization: Bearer ${token}${quote}`
  return [
    {
      id: 'curl',
      name: 'curl',
      where: 'Run in a terminal',
      code: [
        `curl '${origin}/v1/db/${address}/query' \\`,
        `  -H ${authorization} \\`,
        "  -H 'Content-Type: application/json' \\",
        `  -d '{"sql": "SELECT ? AS greeting", "params": ["hello"]}'`,
      ].join('\n'),
    },
    {
      id: 'sdk',
      name: 'TypeScript',
      where: `Run npm install ${sdk}, then run this code`,
      code: [
        "import { PerSQL } from '@persql/sdk'",
        '',
        'const persql = new PerSQL({',
        `  baseURL: '${origin}',`,
        `  token: ${token.startsWith('$') ? 'process.env.PERSQL_TOKEN' : `'${token}'`},`,
        '})',
        `const db = persql.database('${address}')`,
        "const { rows } = await db.query('SELECT ? AS greeting', ['hello'])",
        'console.log(rows)',
      ].join('\n'),
    },
    {
      id: 'claude',
      name: 'Claude Code',
      where: 'Run in your project folder',
      code: `claude mcp add --transport http persql ${origin}/mcp --header ${authorization}`,
    },
    {
      id: 'cursor',
      name: 'Cursor',
      where: 'Add to .cursor/mcp.json',
      code: JSON.stringify({ mcpServers: { persql: mcp } }, null, 2),
    },
    {
      id: 'vscode',
      name: 'VS Code',
      where: 'Add to .vscode/mcp.json',
      code: JSON.stringify({ servers: { persql: { type: 'http', ...mcp } } }, null, 2),
    },
  ]
}
