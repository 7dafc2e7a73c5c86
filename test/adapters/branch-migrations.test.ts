import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Kysely, type Migration, Migrator, sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { drizzle } from '../../packages/drizzle/src/index.ts'
import { migrate as migrateDrizzle } from '../../packages/drizzle/src/migrator.ts'
import { PerSQLDialect } from '../../packages/kysely/src/index.ts'
import { type Database, PerSQL } from '../../packages/sdk/src/index.ts'
import { builtCli } from '../cli/program.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const ns = uniqueName('acme')

const here = dirname(fileURLToPath(import.meta.url))
let platform: SharedPlatform
let cli: Awaited<ReturnType<typeof builtCli>>
let token: string
let persql: PerSQL
let folder: string

beforeAll(async () => {
  ;[cli, platform] = await Promise.all([builtCli(), sharedPlatform()])
  token = (await platform.createNamespace(ns)).token
  persql = new PerSQL({ token, baseURL: platform.url })
  folder = await mkdtemp(join(tmpdir(), 'persql-branch-'))
})
afterAll(async () => {
  await platform?.stop()
  await cli?.remove()
  await rm(folder, { recursive: true })
})

/** Applies a tool's migration files; `more` is the number of additional ones. */
type Tool = (db: Database, more: number) => Promise<void>

const kysely: Tool = async (database, more) => {
  const db = new Kysely<Record<never, never>>({ dialect: new PerSQLDialect({ database }) })
  const migrations: Record<string, Migration> = {
    '1-app': { up: async (on) => void (await sql`CREATE TABLE app (id INTEGER PRIMARY KEY, name TEXT)`.execute(on)) },
  }
  for (let i = 1; i <= more; i++) {
    const column = sql.raw(`ALTER TABLE app ADD COLUMN c${i}`)
    migrations[`2-more-${i}`] = { up: async (on) => void (await column.execute(on)) }
  }
  const { error } = await new Migrator({ db, provider: { getMigrations: async () => migrations } }).migrateToLatest()
  if (error) throw error
}

const drizzleKit: Tool = async (database, more) => {
  const files = await mkdtemp(join(folder, 'drizzle-'))
  await cp(join(here, 'drizzle/migrations'), files, { recursive: true })
  const journal = JSON.parse(await readFile(join(files, 'meta/_journal.json'), 'utf8'))
  for (let i = 1; i <= more; i++) {
    const tag = `000${i + 1}_more`
    journal.entries.push({ idx: i + 1, version: '6', when: 1700000000002 + i, tag, breakpoints: true })
    await writeFile(join(files, `${tag}.sql`), `ALTER TABLE towns ADD COLUMN c${i} text;`)
  }
  await writeFile(join(files, 'meta/_journal.json'), JSON.stringify(journal))
  await migrateDrizzle(drizzle(database), { migrationsFolder: files })
}

const command: Tool = async ({ namespace, slug }, more) => {
  const files = await mkdtemp(join(folder, 'cli-'))
  await writeFile(join(files, '1-app.sql'), 'CREATE TABLE app (id INTEGER PRIMARY KEY, name TEXT)')
  for (let i = 1; i <= more; i++) await writeFile(join(files, `2-more-${i}.sql`), `ALTER TABLE app ADD COLUMN c${i}`)
  const env = { PERSQL_TOKEN: token, PERSQL_API_URL: platform.url }
  const { code, stderr } = await cli.run(['db', 'migrate', `${namespace}/${slug}`, files], { env })
  if (code !== 0) throw new Error(stderr)
}

const columns = async (db: Database) =>
  (
    await db.query(
      "SELECT group_concat(name) FROM pragma_table_info('app') UNION ALL SELECT group_concat(name) FROM pragma_table_info('towns')",
    )
  ).rows

test.each([
  ['Kysely', kysely],
  ['Drizzle', drizzleKit],
  ['persql db migrate', command],
])(
  '%s runs only new files on a branch, on its reset and on a fork, and on the parent after a merge',
  async (name, migrate) => {
    const slug = name.toLowerCase().replaceAll(' ', '-')
    await persql.databases.create({ slug })
    const db = persql.database(ns, slug)
    await migrate(db, 1)
    const claimBranch = async () => {
      const claim = await db.branches.claim({ ref: 'pr/42', role: 'admin', ttlSec: 0 })
      return persql.database(ns, claim.databaseSlug)
    }
    const branch = await claimBranch()
    await migrate(branch, 1)
    await migrate(branch, 2)
    const { planHash } = await db.branches.merge('pr/42')
    const merged = await db.branches.merge('pr/42', { mode: 'schema', expectedPlan: planHash })
    expect(merged.schema.conflicts).toEqual([])
    expect(await columns(db)).toEqual(await columns(branch))
    await migrate(db, 2)
    await migrate(db, 3)
    const reset = await claimBranch()
    await migrate(reset, 3)
    await migrate(reset, 4)
    await db.fork(`${slug}-fork`)
    await migrate(persql.database(ns, `${slug}-fork`), 4)
    expect(await columns(persql.database(ns, `${slug}-fork`))).toEqual(await columns(reset))
    // Both sides run the same file, and the branch runs one more.
    await migrate(db, 4)
    await migrate(reset, 5)
    expect((await db.branches.merge('pr/42', { mode: 'schema' })).applied).toBe(true)
    await migrate(db, 5)
    expect(await columns(db)).toEqual(await columns(reset))
  },
)
