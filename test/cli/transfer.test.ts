import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { builtCli } from './program.ts'

const ns = uniqueName('acme')

let cli: Awaited<ReturnType<typeof builtCli>>
let platform: SharedPlatform
let env: Record<string, string>

beforeAll(async () => {
  ;[cli, platform] = await Promise.all([builtCli(), sharedPlatform()])
  const { token, db } = await platform.createNamespace(ns)
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
  await run(['db', 'export', `${ns}/main`, '--format', format, '--out', out])
  const { answer } = await run(['db', 'import', `${ns}/from-${format}`, out])
  expect(answer).toMatchObject({ tables: ['people'] })
  expect(await rows(`${ns}/from-${format}`, 'people')).toEqual(await rows(`${ns}/main`, 'people'))
})

test.each(['csv', 'ndjson'])(
  'a table that is exported as %s can be imported from a file and from a pipe',
  async (format) => {
    const { stdout } = await cli.run(['db', 'export', `${ns}/main`, '--format', format, '--table', 'people'], { env })
    const file = join(cli.folder, `people.${format}`)
    await writeFile(file, stdout)
    const from = (name: string, table: string) => ['db', 'import', `${ns}/main`, name, '--table', table, '--create']
    expect((await run(from(file, `${format}_file`))).answer).toMatchObject({ rows: 3 })
    expect((await run([...from('-', `${format}_pipe`), '--format', format], stdout)).answer).toMatchObject({ rows: 3 })
    expect(await rows(`${ns}/main`, `${format}_pipe`)).toEqual(await rows(`${ns}/main`, `${format}_file`))
  },
)

test('what cannot be imported changes nothing, and says where it fails', async () => {
  const stdin = 'CREATE TABLE half (a);\nINSERT INTO nowhere VALUES (1);\n'
  const { code, answer } = await run(['db', 'import', `${ns}/main`, '-', '--format', 'sql'], stdin)
  expect({ code, ...answer }).toMatchObject({ code: 'import_failed', exitCode: 1 })
  expect((await run(['db', 'query', `${ns}/main`, 'SELECT * FROM half'])).code).toBe(1)
  expect((await run(['db', 'import', `${ns}/main`, '/nowhere.sql'])).answer).toMatchObject({ code: 'ENOENT' })
})

test('a person sees how far it is, and a pipe does not', async () => {
  const big = join(cli.folder, 'big.csv')
  await writeFile(big, `id,text\n${Array.from({ length: 200_000 }, (_, i) => `${i},${'x'.repeat(60)}`).join('\n')}\n`)
  const args = ['db', 'import', `${ns}/main`, big, '--table', 'big', '--create']
  const shown = await cli.inTerminal(args, env, [])
  expect(shown.stdout).toMatch(/⠋ Importing/)
  expect(shown.stdout).toContain('Imported 200,000 rows')
  const piped = await cli.run(['db', 'export', `${ns}/main`, '--out', join(cli.folder, 'all.sql')], { env })
  expect(piped).toMatchObject({ code: 0, stderr: '' })
})
