import { createWriteStream, openAsBlob } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CliError, usage } from '../cli-error.ts'
import { type Command, command, database } from '../command.ts'
import type { Context } from '../context.ts'
import { count, size } from '../format-output.ts'
import { type Progress, withProgress } from '../progress.ts'
import { cutOff } from '../reach.ts'

const POLL_MS = 500

/** Writes a stream to a file, which appears only once it is complete. Returns the number of bytes. */
async function save(
  body: ReadableStream,
  out: string | undefined,
  progress: Progress,
  { url, signal }: { url: string; signal: AbortSignal },
): Promise<number> {
  let bytes = 0
  const counting = new Transform({
    transform(chunk, _encoding, done) {
      bytes += chunk.length
      progress.bytes(bytes)
      done(null, chunk)
    },
  })
  const source = Readable.fromWeb(body as import('node:stream/web').ReadableStream)
  if (out === undefined) {
    await pipeline(source, counting, process.stdout, { signal, end: false })
    return bytes
  }
  const part = `${out}.part`
  try {
    await pipeline(source, counting, createWriteStream(part), { signal })
    await rename(part, out)
  } catch (cause) {
    await rm(part, { force: true })
    signal.throwIfAborted()
    throw new CliError('unavailable', 'export_cut_off', `The export was interrupted. ${cutOff(cause, url)}`, cause)
  }
  return bytes
}

const exporting = command({
  path: 'db export',
  summary: 'Download a database, or one of its tables',
  args: { database },
  options: {
    out: { help: 'Output file (default: stdout)', short: 'o', value: 'file', file: true },
    format: {
      help: 'Output format (default: sql)',
      value: 'format',
      choices: ['sql', 'csv', 'ndjson', 'sqlite'],
    },
    table: { help: 'Table, for csv and ndjson', value: 'name' },
  },
  examples: ['persql db export acme/main --out main.sql', 'persql db export acme/main --format csv --table people'],
  async run(ctx, { args, options: { out, format, table } }) {
    if (ctx.json && out === undefined) throw usage('--json requires --out, because the export itself goes to stdout.')
    const db = await ctx.database(args.database)
    const { body } = await db.export({ format: format as 'sql', table, signal: ctx.signal })
    if (!body) throw new CliError('failed', 'empty_answer', 'The server sent an empty response.')
    const { signal } = ctx
    const { url } = await ctx.access()
    const bytes = await withProgress(ctx.progress('Exporting'), (progress) =>
      save(body, out, progress, { url, signal }),
    )
    if (out === undefined) return undefined
    return { json: { out, bytes }, text: `Wrote ${size(bytes)} to ${out}.` }
  },
})

interface Imported {
  statements: number
  rows: number
  tables: string[]
}
interface Status {
  import: { state: string; bytes: number; totalBytes: number | null; rows: number } | null
}

/** Polls the progress of an import until it ends. */
function watch(ctx: Context, path: string, progress: Progress): () => void {
  if (!progress.on) return () => {}
  let ended = false
  const ask = async () => {
    // While rows are applied, the database serves no calls. This one waits too and reports the progress afterwards.
    const persql = await ctx.persql()
    const status = await persql.request<Status>('GET', path, undefined, { maxRetries: 0 }).catch(() => undefined)
    if (ended) return
    const now = status?.import
    if (now?.state === 'receiving') progress.bytes(now.bytes, now.totalBytes)
    else if (now?.state === 'applying') progress.say(`applying ${count(now.rows, 'row')}`)
    setTimeout(ask, POLL_MS).unref()
  }
  setTimeout(ask, POLL_MS).unref()
  return () => {
    ended = true
  }
}

const kinds: Record<string, string> = {
  '.csv': 'csv',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.sql': 'sql',
  '.sqlite': 'sqlite',
  '.sqlite3': 'sqlite',
}

/** Returns a file that is read while it is sent, or all of stdin. */
async function openBlob(file: string): Promise<Blob> {
  if (file === '-') return new Blob(await process.stdin.toArray())
  await stat(file)
  // Node 20 warns that openAsBlob is experimental.
  process.removeAllListeners('warning')
  return openAsBlob(file)
}

const importing = command({
  path: 'db import',
  summary: 'Import an SQL dump or SQLite file, or CSV or NDJSON into one table; all-or-nothing',
  args: { database, file: { help: 'Input file; - reads stdin', file: true } },
  options: {
    format: {
      help: 'File format (default: detected from the name or content)',
      value: 'format',
      choices: ['sql', 'sqlite', 'csv', 'ndjson'],
    },
    table: { help: 'Target table, for csv and ndjson', value: 'name' },
    create: { help: 'Create the table' },
  },
  examples: ['persql db import acme/main main.sql', 'persql db import acme/main people.csv --table people --create'],
  async run(ctx, { args, options }) {
    const blob = await openBlob(args.file)
    const format = (options.format ?? kinds[extname(args.file).toLowerCase()]) as 'sql' | undefined
    const db = await ctx.database(args.database)
    const path = `/v1/db/${db.namespace}/${db.slug}/import`
    const json = await withProgress(ctx.progress('Importing'), async (progress) => {
      const end = watch(ctx, path, progress)
      const { table, create } = options
      return (await db.import(blob, { format, table, create }).finally(end)) as unknown as Imported
    })
    const { rows, statements, tables } = json
    const how = statements > 0 ? ` with ${count(statements, 'statement')}` : ''
    const text = `Imported ${count(rows, 'row')}${how}${tables.length > 0 ? ` into ${tables.join(', ')}` : ''}.`
    return { json, text }
  },
})

export const transferCommands: Command[] = [exporting, importing]
