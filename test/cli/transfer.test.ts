import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { builtCli } from './program.ts'

let cli: Awaited<ReturnType<typeof builtCli>>
let platform: TestPlatform
let env: Record<string, string>

beforeAll(async () => {
  ;[cli, platform] = await Promise.all([builtCli(), startPlatform()])
  const { token, db } = await platform.createNamespace('acme')
  env = { PERSQL_TOKEN: token, PERSQL_API_URL: platform.url }
  await db().query('CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)')
  await db().query("INSERT INTO people (name) VALUES ('Ada'), ('a,\"b\"'), (NULL)")
})
afterAll(async () => {
  await platform?.stop()
  await cli?.remove()
})

const run = async (args: string[], stdin?: string) => {
  const ended = await cli.run([...args, '--json'], { env, stdin })
  return { ...ended, answer: ended.code === 0 ? JSON.parse(ended.stdout) : JSON.parse(ended.stderr) }
}
const rows = async (database: string, table: string) =>
  (await run(['db', 'query', database, `SELECT * FROM ${table} ORDER BY id`])).answer.data

test.each(['sql', 'sqlite'])('a database that is exported as %s can be imported', async (format) => {
  const out = join(cli.folder, `main.${format}`)
  await run(['db', 'export', 'acme/main', '--format', format, '--out', out])
  const { answer } = await run(['db', 'import', `acme/from-${format}`, out])
  expect(answer).toMatchObject({ tables: ['people'] })
  expect(await rows(`acme/from-${format}`, 'people')).toEqual(await rows('acme/main', 'people'))
})

test.each(['csv', 'ndjson'])(
  'a table that is exported as %s can be imported from a file and from a pipe',
  async (format) => {
    const { stdout } = await cli.run(['db', 'export', 'acme/main', '--format', format, '--table', 'people'], { env })
    const file = join(cli.folder, `people.${format}`)
    await writeFile(file, stdout)
    const from = (name: string, table: string) => ['db', 'import', 'acme/main', name, '--table', table, '--create']
    expect((await run(from(file, `${format}_file`))).answer).toMatchObject({ rows: 3 })
    expect((await run([...from('-', `${format}_pipe`), '--format', format], stdout)).answer).toMatchObject({ rows: 3 })
    expect(await rows('acme/main', `${format}_pipe`)).toEqual(await rows('acme/main', `${format}_file`))
  },
)

test('what cannot be imported changes nothing, and says where it fails', async () => {
  const stdin = 'CREATE TABLE half (a);\nINSERT INTO nowhere VALUES (1);\n'
  const { code, answer } = await run(['db', 'import', 'acme/main', '-', '--format', 'sql'], stdin)
  expect({ code, ...answer }).toMatchObject({ code: 'import_failed', exitCode: 1 })
  expect((await run(['db', 'query', 'acme/main', 'SELECT * FROM half'])).code).toBe(1)
  expect((await run(['db', 'import', 'acme/main', '/nowhere.sql'])).answer).toMatchObject({ code: 'ENOENT' })
})

test('a person sees how far it is, and a pipe does not', async () => {
  const big = join(cli.folder, 'big.csv')
  await writeFile(big, `id,text\n${Array.from({ length: 200_000 }, (_, i) => `${i},${'x'.repeat(60)}`).join('\n')}\n`)
  const args = ['db', 'import', 'acme/main', big, '--table', 'big', '--create']
  const shown = await cli.inTerminal(args, env, [])
  expect(shown.stdout).toMatch(/⠋ Importing/)
  expect(shown.stdout).toContain('Imported 200,000 rows')
  const piped = await cli.run(['db', 'export', 'acme/main', '--out', join(cli.folder, 'all.sql')], { env })
  expect(piped).toMatchObject({ code: 0, stderr: '' })
})
