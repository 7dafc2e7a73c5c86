import { createWriteStream, openAsBlob } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { PerSQLDatabase } from '@persql/sdk'
import { usage } from '../cli-error.ts'
import { count, listing, type Mode, modes } from '../format-output.ts'
import { readText } from '../values.ts'

/** The state that dot commands change. */
export interface ShellContext {
  db: PerSQLDatabase
  mode: Mode
  timing: boolean
  quit: boolean
  print(text: string): void
  /** Runs all statements of a text. */
  runText(sql: string): Promise<void>
  open(address: string): Promise<void>
  signal: AbortSignal
}

interface Dot {
  args: string
  help: string
  run(stage: ShellContext, args: string[]): Promise<void> | void
}

const needed = (value: string | undefined, what: string) => {
  if (!value) throw usage(`Missing argument: ${what}.`)
  return value
}

function globbed(pattern: string | undefined, name: string): boolean {
  if (!pattern) return true
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/[*%]/g, '.*')
    .replace(/[?_]/g, '.')
  return new RegExp(`^${source}$`, 'i').test(name)
}

const quit: Dot = {
  args: '',
  help: 'Exit (also Ctrl-D)',
  run: (stage) => {
    stage.quit = true
  },
}

/** The commands of the shell itself, which start with a dot. */
export const dotCommands: Record<string, Dot> = {
  '.help': {
    args: '',
    help: 'Show help',
    run: (stage) =>
      stage.print(
        listing(
          Object.entries(dotCommands).map(([name, { args, help }]) => ({
            command: `${name} ${args}`,
            description: help,
          })),
          ['command', 'description'],
          '',
        ),
      ),
  },
  '.tables': {
    args: '[pattern]',
    help: 'List tables with row counts',
    async run({ db, print, signal }, [pattern]) {
      const tables = (await db.tables({ signal })).filter(({ name }) => globbed(pattern, name))
      print(listing(tables, ['name', 'rowCount'], 'No tables.'))
    },
  },
  '.schema': {
    args: '[pattern]',
    help: 'Show the SQL that created tables, indexes, views and triggers',
    async run({ db, print, signal }, [pattern]) {
      const { tables, views, triggers } = await db.schema({ signal })
      const indexes = tables.flatMap(({ name, indexes }) => indexes.map(({ sql }) => ({ name, sql })))
      const all = [...tables, ...indexes, ...views, ...triggers.map(({ table, sql }) => ({ name: table, sql }))]
      const found = all.filter(({ name, sql }) => sql && globbed(pattern, name))
      print(found.length > 0 ? found.map(({ sql }) => `${sql};`).join('\n') : 'No results.')
    },
  },
  '.mode': {
    args: modes.join('|'),
    help: 'Set the output format',
    run(stage, [mode]) {
      if (!mode) throw usage('Missing argument: mode.')
      if (!modes.includes(mode as Mode)) throw usage(`Invalid mode "${mode}". Expected one of ${modes.join(', ')}.`)
      stage.mode = mode as Mode
    },
  },
  '.timer': {
    args: 'on|off',
    help: 'Show rows, time and cost of each statement',
    run(stage, [how]) {
      stage.timing = how !== 'off'
    },
  },
  '.use': {
    args: 'namespace/database',
    help: 'Switch to another database',
    run: (stage, [address]) => stage.open(needed(address, 'database')),
  },
  '.read': {
    args: 'file.sql',
    help: 'Run the statements in a file',
    run: async (stage, [file]) => stage.runText(await readText(needed(file, 'file'))),
  },
  '.import': {
    args: 'file [table]',
    help: 'Import an SQL dump, or CSV or NDJSON into an existing table',
    async run({ db, print, signal }, [given, table]) {
      const file = needed(given, 'file')
      process.removeAllListeners('warning')
      const format = /\.(csv|ndjson|jsonl|sql)$/i.exec(file)?.[1]?.toLowerCase().replace('jsonl', 'ndjson')
      const done = await db.import(await openAsBlob(file), { format: format as 'sql', table, signal })
      print(`Imported ${count(Number(done.rows), 'row')}.`)
    },
  },
  '.export': {
    args: 'file.sql',
    help: 'Export the database as an SQL dump',
    async run({ db, print, signal }, [given]) {
      const file = needed(given, 'file')
      const { body } = await db.export({ signal })
      if (body)
        await pipeline(Readable.fromWeb(body as import('node:stream/web').ReadableStream), createWriteStream(file))
      print(`Wrote ${file}.`)
    },
  },
  '.snapshot': {
    args: '[label]',
    help: 'Create a snapshot of all tables and rows',
    async run({ db, print, signal }, words) {
      const { id, rows } = await db.snapshots.create(words.join(' ') || 'from the shell', { signal, timeoutMs: 0 })
      print(`Created snapshot ${id} with ${count(rows, 'row')}.`)
    },
  },
  '.quit': quit,
  '.exit': quit,
}

/** Splits a dot command into words. Quotes group words. */
export const splitArgs = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, bare]) => double ?? single ?? bare ?? '')
