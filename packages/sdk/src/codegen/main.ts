#!/usr/bin/env node
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { PerSQL } from '../client.ts'
import { drizzleSchema } from './drizzle.ts'
import { readTables } from './tables.ts'

const USAGE = `Generate a Drizzle schema from a database's tables.

Usage: PERSQL_TOKEN=… persql-codegen --db <namespace>/<database> [--out src/db/schema.ts]

  --db     database (default: PERSQL_DATABASE)
  --out    output file (default: stdout)
  --url    server URL (default: PERSQL_API_URL, then https://api.persql.com)
  --local  read a local SQLite file instead of a server
`

// A reader that closes the pipe (`persql-codegen … | head`) ends the program. This isn't an error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1))
}

try {
  const { values } = parseArgs({
    options: {
      db: { type: 'string', default: process.env.PERSQL_DATABASE },
      out: { type: 'string' },
      url: { type: 'string' },
      local: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) process.stdout.write(USAGE)
  else await generate(values)
} catch (cause) {
  process.stderr.write(`${(cause as Error).message}\n`)
  process.exitCode = 1
}

async function generate({ db, out, url, local }: { db?: string; out?: string; url?: string; local?: string }) {
  const address = db ?? (local && 'local/main')
  if (!address) throw new Error(`Missing --db.\n\n${USAGE}`)
  const persql = new PerSQL({ baseURL: url, local })
  const tables = await readTables(persql.database(address))
  await persql.close()
  const text = drizzleSchema(tables)
  if (out === undefined) {
    process.stdout.write(text)
    return
  }
  await mkdir(dirname(out), { recursive: true })
  await writeFile(out, text)
  process.stdout.write(`${out}: ${tables.length} ${tables.length === 1 ? 'table' : 'tables'}\n`)
}
