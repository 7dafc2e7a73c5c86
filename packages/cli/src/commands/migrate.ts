import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Migration, PerSQLError } from '@persql/sdk'
import { CliError } from '../cli-error.ts'
import { command, database } from '../command.ts'
import type { Context } from '../context.ts'
import { listing } from '../format-output.ts'

interface File {
  name: string
  sql: string
  /** SHA-256 of `sql`, in hex. */
  checksum: string
}

/** The state of a migration file. */
export interface Step {
  name: string
  state: 'applied' | 'pending' | 'changed'
  /** The ID of the draft with this name, which is updated from the file. */
  draft?: string
}

const byName = new Intl.Collator('en', { numeric: true })

/** Returns the state of each file. An applied file must not have changed. */
export function plan(files: readonly File[], known: readonly Migration[]): Step[] {
  return files.map(({ name, checksum }) => {
    const same = known.filter((one) => one.name === name)
    const applied = same.find(({ appliedAt }) => appliedAt !== null)
    if (applied) return { name, state: applied.checksum === checksum ? 'applied' : 'changed' }
    const draft = same[0]?.id
    return { name, state: 'pending', ...(draft && { draft }) }
  })
}

async function readFiles(path: string): Promise<File[]> {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new CliError('failed', 'no_migrations', `No file or folder "${path}" found.`)
  const folder = found.isDirectory()
  const names = folder ? (await readdir(path)).filter((name) => name.endsWith('.sql')).sort(byName.compare) : [path]
  if (names.length === 0) throw new CliError('failed', 'no_migrations', `No .sql files found in ${path}.`)
  const { createHash } = await import('node:crypto')
  const read = async (name: string): Promise<File> => {
    const sql = await readFile(folder ? join(path, name) : name, 'utf8')
    return { name: basename(name, '.sql'), sql, checksum: createHash('sha256').update(sql).digest('hex') }
  }
  return Promise.all(names.map(read))
}

/** Lists all migrations. The server returns 100 per page. */
async function knownTo(ctx: Context, ns: string, db: string): Promise<Migration[]> {
  const persql = await ctx.persql()
  const all: Migration[] = []
  for (;;) {
    const before = all.at(-1)?.id
    const query = before === undefined ? '' : `?before=${before}`
    const page = await persql.request<Migration[]>('GET', `/v1/db/${ns}/${db}/migrations${query}`)
    all.push(...page)
    if (page.length < 100) return all
  }
}

export const migrate = command({
  path: 'db migrate',
  summary: 'Apply .sql files in name order, each once and in its own transaction',
  details:
    'Numbers in names sort numerically: 2-a.sql comes before 10-b.sql. Stops at the first failure. Applied files must not change.',
  args: {
    database,
    path: { help: 'A folder of .sql files, or one file (default: migrations)', file: true, optional: true },
  },
  options: { 'dry-run': { help: 'Show which migrations would run, without applying them' } },
  examples: ['persql db migrate', 'persql db migrate acme/main migrations/ --dry-run'],
  async run(ctx, { args, options }) {
    const files = await readFiles(args.path ?? 'migrations')
    const [ns, slug] = await ctx.address(args.database)
    const steps = plan(files, await knownTo(ctx, ns, slug))
    const changed = steps.find(({ state }) => state === 'changed')
    if (changed) {
      const message = `${changed.name} was changed after it was applied. Restore the original file and add a new migration instead.`
      throw new CliError('conflict', 'migration_changed', message)
    }
    const dryRun = options['dry-run']
    const { migrations } = await ctx.database(`${ns}/${slug}`)
    for (const [i, { name, state, draft }] of steps.entries()) {
      if (state === 'applied' || dryRun) continue
      const sql = files[i]?.sql ?? ''
      try {
        const { id } = draft ? await migrations.update(draft, { sql }) : await migrations.create({ name, sql })
        await migrations.apply(id, { timeoutMs: 0 })
      } catch (cause) {
        throw failed(name, cause)
      }
      ctx.note(`Applied ${name}.`)
    }
    const done = steps.map(({ name, state }) => ({
      name,
      state: state === 'pending' && !dryRun ? 'applied now' : state,
    }))
    return { json: { dryRun, migrations: done }, text: listing(done, ['name', 'state'], '') }
  },
})

function failed(name: string, cause: unknown): unknown {
  if (!(cause instanceof PerSQLError)) return cause
  const { status, code, message, body } = cause
  const { line } = Object(body.failedStatement) as { line?: number }
  return new PerSQLError({ status, code, message: `${name}${line ? `, line ${line}` : ''}: ${message}`, body, cause })
}
