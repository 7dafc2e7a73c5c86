import { createWriteStream, openAsBlob } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { PerSQLDatabase } from '@persql/sdk'
import { usage } from '../exits.ts'
import { count, listing, type Mode, modes } from '../render.ts'
import { textOf } from '../values.ts'

/** What dot commands act on. */
export interface Stage {
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
  run(stage: Stage, args: string[]): Promise<void> | void
}

const needed = (value: string | undefined, what: string) => {
  if (!value) throw usage(`${what}?`)
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
  help: 'Leave (also Ctrl-D)',
  run: (stage) => {
    stage.quit = true
  },
}

/** What begins with a dot is for the shell, and not for the database. */
export const dots: Record<string, Dot> = {
  '.help': {
    args: '',
    help: 'Show this',
    run: (stage) =>
      stage.print(
        listing(
          Object.entries(dots).map(([name, { args, help }]) => ({ command: `${name} ${args}`, does: help })),
          ['command', 'does'],
          '',
        ),
      ),
  },
  '.tables': {
    args: '[pattern]',
    help: 'List the tables with their row counts',
    async run({ db, print, signal }, [pattern]) {
      const tables = (await db.tables({ signal })).filter(({ name }) => globbed(pattern, name))
      print(listing(tables, ['name', 'rowCount'], 'No tables.'))
    },
  },
  '.schema': {
    args: '[pattern]',
    help: 'Show what made tables, indexes, views and triggers',
    async run({ db, print, signal }, [pattern]) {
      const { tables, views, triggers } = await db.schema({ signal })
      const indexes = tables.flatMap(({ name, indexes }) => indexes.map(({ sql }) => ({ name, sql })))
      const all = [...tables, ...indexes, ...views, ...triggers.map(({ table, sql }) => ({ name: table, sql }))]
      const found = all.filter(({ name, sql }) => sql && globbed(pattern, name))
      print(found.length > 0 ? found.map(({ sql }) => `${sql};`).join('\n') : 'Nothing there.')
    },
  },
  '.mode': {
    args: modes.join('|'),
    help: 'How rows are shown',
    run(stage, [mode]) {
      if (!modes.includes(mode as Mode)) throw usage(`.mode is one of ${modes.join(', ')}`)
      stage.mode = mode as Mode
    },
  },
  '.timer': {
    args: 'on|off',
    help: 'Show what a statement took: rows, time and money',
    run(stage, [how]) {
      stage.timing = how !== 'off'
    },
  },
  '.use': {
    args: 'namespace/database',
    help: 'Go on with another database',
    run: (stage, [address]) => stage.open(needed(address, 'Which database')),
  },
  '.read': {
    args: 'file.sql',
    help: 'Run the statements of a file',
    run: async (stage, [file]) => stage.runText(await textOf(needed(file, 'Which file'))),
  },
  '.import': {
    args: 'file [table]',
    help: 'Import an SQL dump, or CSV or NDJSON into a table that is there',
    async run({ db, print, signal }, [given, table]) {
      const file = needed(given, 'Which file')
      process.removeAllListeners('warning')
      const format = /\.(csv|ndjson|jsonl|sql)$/i.exec(file)?.[1]?.toLowerCase().replace('jsonl', 'ndjson')
      const done = await db.import(await openAsBlob(file), { format: format as 'sql', table, signal })
      print(`Imported ${count(Number(done.rows), 'row')}.`)
    },
  },
  '.export': {
    args: 'file.sql',
    help: 'Write the database as an SQL dump',
    async run({ db, print, signal }, [given]) {
      const file = needed(given, 'Which file')
      const { body } = await db.export({ signal })
      if (body)
        await pipeline(Readable.fromWeb(body as import('node:stream/web').ReadableStream), createWriteStream(file))
      print(`Wrote ${file}.`)
    },
  },
  '.snapshot': {
    args: '[label]',
    help: 'Keep all tables and rows as they are now',
    async run({ db, print, signal }, words) {
      const { id, rows } = await db.snapshots.create(words.join(' ') || 'from the shell', { signal, timeoutMs: 0 })
      print(`Kept ${count(rows, 'row')} as ${id}.`)
    },
  },
  '.quit': quit,
  '.exit': quit,
}

/** The words of a dot command; quotes hold words together. */
export const wordsOf = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, bare]) => double ?? single ?? bare ?? '')
