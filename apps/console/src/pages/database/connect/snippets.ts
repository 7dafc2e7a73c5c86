/** The database and token that snippets contain. */
export interface Target {
  origin: string
  /** The database address: `namespace/database`. */
  address: string
  /** Without a token, programs read `PERSQL_TOKEN`, and MCP clients authorize in the browser. */
  token?: string | undefined
  /** Converts the name of a package of ours to what `npm install` takes. */
  toPackageSpec(name: string): string
}

/** Setup instructions for one client. */
export interface Snippet {
  id: string
  name: string
  /** The steps, each with a text and code. */
  steps: readonly { say: string; label: string; code: string }[]
}

/** Returns the environment variables that all snippets need: the instance and the token. */
export const getEnvironment = ({ origin, token }: Target): string =>
  [`export PERSQL_API_URL='${origin}'`, `export PERSQL_TOKEN='${token ?? 'YOUR_TOKEN'}'`].join('\n')

/** Returns snippets for terminals and programs. They read the environment, so that no secret gets into code. */
export const programs = ({ origin, address, toPackageSpec }: Target): Snippet[] => [
  {
    id: 'curl',
    name: 'curl',
    steps: [
      {
        say: 'Run a statement with parameters:',
        label: 'curl',
        code: [
          `curl '${origin}/v1/db/${address}/query' \\`,
          '  -H "Authorization: Bearer $PERSQL_TOKEN" \\',
          "  -H 'Content-Type: application/json' \\",
          `  -d '{"sql": "SELECT ? AS greeting", "params": ["hello"]}'`,
        ].join('\n'),
      },
    ],
  },
  {
    id: 'sdk',
    name: 'TypeScript',
    steps: [
      install(toPackageSpec, ['@persql/sdk']),
      file('query.mjs', [
        "import { PerSQL } from '@persql/sdk'",
        '',
        `const db = new PerSQL().database('${address}')`,
        "const { data } = await db.query('SELECT ? AS greeting', ['hello'])",
        'console.log(data)',
      ]),
    ],
  },
  {
    id: 'drizzle',
    name: 'Drizzle',
    steps: [
      install(toPackageSpec, ['@persql/drizzle', '@persql/sdk', 'drizzle-orm']),
      file('drizzle.mjs', [
        "import { drizzle } from '@persql/drizzle'",
        "import { PerSQL } from '@persql/sdk'",
        "import { sql } from 'drizzle-orm'",
        '',
        `const db = drizzle(new PerSQL().database('${address}'))`,
        "console.log(await db.all(sql`SELECT 'hello' AS greeting`))",
      ]),
    ],
  },
  {
    id: 'kysely',
    name: 'Kysely',
    steps: [
      install(toPackageSpec, ['@persql/kysely', '@persql/sdk', 'kysely']),
      file('kysely.mjs', [
        "import { PerSQLDialect } from '@persql/kysely'",
        "import { PerSQL } from '@persql/sdk'",
        "import { Kysely, sql } from 'kysely'",
        '',
        `const database = new PerSQL().database('${address}')`,
        'const db = new Kysely({ dialect: new PerSQLDialect({ database }) })',
        "const { rows } = await sql`SELECT 'hello' AS greeting`.execute(db)",
        'console.log(rows)',
      ]),
    ],
  },
  {
    id: 'prisma',
    name: 'Prisma',
    steps: [
      install(toPackageSpec, ['@persql/prisma', '@persql/sdk', '@prisma/client']),
      {
        say: 'Save as schema.prisma, with the models of your tables:',
        label: 'schema.prisma',
        code: [
          'datasource db {',
          '  provider = "sqlite"',
          '}',
          'generator client {',
          '  provider = "prisma-client-js"',
          '  output   = "./generated"',
          '}',
          'model Note {',
          '  id   Int    @id @default(autoincrement())',
          '  text String',
          '}',
        ].join('\n'),
      },
      {
        say: 'Generate Prisma Client:',
        label: 'Generate',
        code: 'npm install --save-dev prisma\nnpx prisma generate --schema schema.prisma',
      },
      file('prisma.mjs', [
        "import { PrismaPerSQL } from '@persql/prisma'",
        "import { PerSQL } from '@persql/sdk'",
        "import { PrismaClient } from './generated/index.js'",
        '',
        `const database = new PerSQL().database('${address}')`,
        'const prisma = new PrismaClient({ adapter: new PrismaPerSQL({ database }) })',
        "console.log(await prisma.$queryRaw`SELECT 'hello' AS greeting`)",
      ]),
    ],
  },
  {
    id: 'langgraph',
    name: 'LangGraph',
    steps: [
      install(toPackageSpec, ['@persql/langgraph', '@persql/sdk', '@langchain/langgraph', '@langchain/core']),
      file(
        'graph.mjs',
        [
          "import { Annotation, END, START, StateGraph } from '@langchain/langgraph'",
          "import { PerSQLSaver } from '@persql/langgraph'",
          "import { PerSQL } from '@persql/sdk'",
          '',
          `const checkpointer = new PerSQLSaver(new PerSQL().database('${address}'))`,
          'const graph = new StateGraph(Annotation.Root({ greeting: Annotation() }))',
          "  .addNode('greet', () => ({ greeting: 'hello' }))",
          "  .addEdge(START, 'greet')",
          "  .addEdge('greet', END)",
          '  .compile({ checkpointer })',
          "console.log(await graph.invoke({}, { configurable: { thread_id: 'first' } }))",
        ],
        'The first run creates tables, which needs an admin token. ',
      ),
    ],
  },
  {
    id: 'libsql',
    name: 'libSQL',
    steps: [
      {
        say: 'Any client of libSQL or Turso works with this URL and the token:',
        label: 'libSQL URL',
        code: `${origin}/libsql/${address}/`,
      },
      install(toPackageSpec, ['@libsql/client', 'drizzle-orm']),
      file('libsql.mjs', [
        "import { createClient } from '@libsql/client/http'",
        '',
        `const url = '${origin}/libsql/${address}/'`,
        'const client = createClient({ url, authToken: process.env.PERSQL_TOKEN })',
        `const { rows } = await client.execute("SELECT 'hello' AS greeting")`,
        'console.log(rows)',
      ]),
      {
        say: 'Or with Drizzle, add these lines:',
        label: 'Drizzle over libSQL',
        code: [
          "import { sql } from 'drizzle-orm'",
          "import { drizzle } from 'drizzle-orm/libsql/http'",
          '',
          'const db = drizzle({ client })',
          "console.log(await db.all(sql`SELECT 'hello' AS greeting`))",
        ].join('\n'),
      },
    ],
  },
  {
    id: 'cli',
    name: 'Command line',
    steps: [
      install(toPackageSpec, ['@persql/cli'], ' --global'),
      {
        say: 'Then, in the same terminal:',
        label: 'persql',
        code: [`persql db query ${address} "SELECT 'hello' AS greeting"`, `persql db shell ${address}`].join('\n'),
      },
    ],
  },
]

/** Returns snippets for MCP clients. Without a token, a client opens the authorization page in the browser. */
export function agents({ origin, token }: Target): Snippet[] {
  const url = `${origin}/mcp`
  const header = token && `Bearer ${token}`
  const entry = { url, ...(header && { headers: { Authorization: header } }) }
  return [
    {
      id: 'claude-code',
      name: 'Claude Code',
      steps: [
        {
          say: 'Run in your project folder:',
          label: 'Claude Code',
          code: `claude mcp add --transport http persql '${url}'${header ? ` --header 'Authorization: ${header}'` : ''}`,
        },
      ],
    },
    config('cursor', 'Cursor', '.cursor/mcp.json', { mcpServers: { persql: entry } }),
    config('vscode', 'VS Code', '.vscode/mcp.json', { servers: { persql: { type: 'http', ...entry } } }),
    config('gemini', 'Gemini CLI', '.gemini/settings.json', {
      mcpServers: { persql: { httpUrl: url, ...(header && { headers: { Authorization: header } }) } },
    }),
    {
      id: 'other',
      name: 'Other clients',
      steps: [
        {
          say: 'Add this URL as a connector in Claude, ChatGPT or another client that can reach this instance. The client then opens a page where you authorize it:',
          label: 'URL',
          code: url,
        },
      ],
    },
  ]
}

const install = (toPackageSpec: Target['toPackageSpec'], names: readonly string[], option = '') => ({
  say: 'Run in a terminal:',
  label: 'Install',
  code: `npm install${option} ${names.map((name) => (name.startsWith('@persql/') ? toPackageSpec(name) : name)).join(' ')}`,
})

const file = (name: string, lines: readonly string[], note = '') => ({
  say: `${note}Save as ${name}, then run node ${name} in the terminal where you set the variables:`,
  label: name,
  code: lines.join('\n'),
})

const config = (id: string, name: string, path: string, content: object): Snippet => ({
  id,
  name,
  steps: [{ say: `Add to ${path}:`, label: path, code: JSON.stringify(content, null, 2) }],
})
