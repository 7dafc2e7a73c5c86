import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { splitStatements } from '../../packages/cli/src/shell/statements.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { builtCli } from './program.ts'

let cli: Awaited<ReturnType<typeof builtCli>>
let platform: TestPlatform
let env: Record<string, string>
let query: (sql: string) => Promise<{ body: { data: { rows: unknown[][] } } }>
const prompt = 'acme/main> '

beforeAll(async () => {
  ;[cli, platform] = await Promise.all([builtCli(), startPlatform()])
  const { token, db } = await platform.createNamespace('acme')
  env = { PERSQL_TOKEN: token, PERSQL_API_URL: platform.url, PERSQL_DATABASE: 'acme/main' }
  query = db().query
  await query('CREATE TABLE people (id INTEGER PRIMARY KEY, full_name TEXT)')
  await query("INSERT INTO people (full_name) VALUES ('Ada'), (NULL)")
})
afterAll(async () => {
  await platform?.stop()
  await cli?.remove()
})

test('a person types statements over several lines, with completion, and finds them again the next time', async () => {
  const first = await cli.inTerminal(['db', 'shell'], env, [
    { after: prompt, type: 'SELECT full_\t' },
    { after: 'name', type: ' FROM peo\t' },
    { after: 'ple', type: '\r' },
    { after: '...> ', type: 'ORDER BY id;\r' },
    { after: 'ms, $', type: '.tables\r' },
    { after: prompt, type: '.nonsense\r' },
    { after: 'Type .help', type: 'SELECT nope;\r' },
    { after: 'unknown_column', type: '.mode line\r' },
    { after: prompt, type: 'SELECT 1 AS one;\r' },
    { after: 'one = 1', type: '.quit\r' },
  ])
  expect(first.code).toBe(0)
  const lines = first.stdout.split(/\r?\n/)
  expect(lines).toEqual(expect.arrayContaining(['full_name', 'Ada', 'NULL', 'people         2']))
  expect(first.stdout).toMatch(/\(2 rows, 2 read, 0 written, \d+ ms, \$0\.00000051\)/)

  const file = join(cli.folder, 'state/persql/history')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect((await readFile(file, 'utf8')).split('\n')[0]).toBe('SELECT full_name FROM people ORDER BY id;')
  const up = '\u001b[A'
  const again = await cli.inTerminal(['db', 'shell'], env, [
    { after: prompt, type: `${up.repeat(7)}\r` },
    { after: 'Ada', type: '\u0004' },
  ])
  expect(again.code).toBe(0)
})

test('Ctrl-C ends the statement that runs, and not the shell', async () => {
  const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;'
  const { code, stdout } = await cli.inTerminal(['db', 'shell'], env, [
    { after: prompt, type: 'SELECT what is\u0003' },
    { after: prompt, type: `${endless}\r` },
    { after: 'FROM n;', type: '\u0003' },
    { after: 'Canceled.', type: '.help\r' },
    { after: '.snapshot', type: '\u0004' },
  ])
  expect(code).toBe(0)
  expect(stdout).not.toContain('syntax_error')
  await platform.kill()
  await platform.restart()
})

test('from a pipe it runs what it reads, up to the first failure', async () => {
  const script = join(cli.folder, 'more.sql')
  await writeFile(script, "INSERT INTO people (full_name) VALUES ('from a file');")
  const stdin = `.mode csv\nINSERT INTO people (full_name)\nVALUES (';');\n.read ${script}\nSELECT id, full_name FROM people WHERE id > 2`
  const ran = await cli.run(['db', 'shell'], { env, stdin })
  expect(ran).toEqual({ code: 0, stdout: 'id,full_name\n3,;\n4,from a file\n', stderr: '' })
  const failed = await cli.run(['db', 'shell'], { env, stdin: 'SELECT nope;\nDELETE FROM people;\n' })
  expect(failed).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('unknown_column') })
  expect((await query('SELECT count(*) FROM people')).body.data.rows).toEqual([[4]])
  const shown = await cli.run(['db', 'shell'], {
    env,
    stdin: '.schema peo*\n.mode markdown\nSELECT 1 AS a, NULL AS b;',
  })
  expect(shown.stdout).toBe(
    'CREATE TABLE people (id INTEGER PRIMARY KEY, full_name TEXT);\n| a | b |\n| --- | --- |\n| 1 | NULL |\n',
  )
})

test('BEGIN and COMMIT enclose a transaction', async () => {
  await query('CREATE TABLE counters (n INTEGER)')
  const run = (stdin: string) => cli.run(['db', 'shell'], { env, stdin: `.mode csv\n${stdin}` })
  const inside = 'INSERT INTO counters VALUES (1); SELECT count(*) AS n FROM counters;'
  expect(await run(`BEGIN; ${inside} COMMIT;`)).toEqual({ code: 0, stdout: 'n\n1\n', stderr: '' })
  expect(await run(`BEGIN; ${inside} ROLLBACK; SELECT count(*) AS n FROM counters;`)).toEqual({
    code: 0,
    stdout: 'n\n2\nn\n1\n',
    stderr: '',
  })
  const undone = `BEGIN; SAVEPOINT a; ${inside} ROLLBACK TO a; COMMIT;`
  expect(await run(undone)).toMatchObject({ code: 0, stdout: 'n\n2\n' })
  expect(await run(`BEGIN; ${inside}`)).toMatchObject({ code: 1, stderr: expect.stringContaining('without COMMIT') })
  expect(await run(`BEGIN; ${inside} SELECT nope; COMMIT;`)).toMatchObject({ code: 1 })
  expect(await run('COMMIT;')).toMatchObject({ code: 1, stderr: expect.stringContaining('Start one with BEGIN.') })
  expect(await run('BEGIN; BEGIN;')).toMatchObject({ code: 1, stderr: expect.stringContaining('already open') })
  expect((await query('SELECT count(*) FROM counters')).body.data.rows).toEqual([[1]])

  const { code, stdout } = await cli.inTerminal(['db', 'shell'], env, [
    { after: prompt, type: 'BEGIN;\r' },
    { after: 'acme/main*> ', type: 'UPDATE counters SET n = 2;\r' },
    { after: '1 changed', type: 'COMMIT;\r' },
    { after: prompt, type: 'BEGIN;\r' },
    { after: 'acme/main*> ', type: 'DELETE FROM counters;\r' },
    { after: '1 changed', type: '\u0004' },
  ])
  expect([code, stdout.includes('The open transaction was rolled back.')]).toEqual([0, true])
  expect((await query('SELECT n FROM counters')).body.data.rows).toEqual([[2]])
})

test('a dot command without its argument names it', async () => {
  const { stderr } = await cli.run(['db', 'shell'], { env, stdin: '.read\n' })
  expect(stderr).toContain('Error: Missing argument: file.\n')
})

test('something destructive asks a person for the name', async () => {
  await cli.run(['db', 'create', 'doomed'], { env })
  const spared = await cli.inTerminal(['db', 'delete', 'doomed'], env, [{ after: 'to confirm: ', type: 'domed\r' }])
  expect(spared).toMatchObject({ code: 5, stdout: expect.stringContaining('Nothing was changed.') })
  const gone = await cli.inTerminal(['db', 'delete', 'doomed'], env, [{ after: 'to confirm: ', type: 'doomed\r' }])
  expect(gone).toMatchObject({ code: 0, stdout: expect.stringContaining('Deleted doomed.') })
})

test('a token that is typed is not shown', async () => {
  const { PERSQL_TOKEN: token = '' } = env
  const where = { XDG_CONFIG_HOME: join(cli.folder, 'typed') }
  const steps = [{ after: 'input is hidden', type: `${token}\r` }]
  const { code, stdout } = await cli.inTerminal(['login', '--url', platform.url, '--token', '-'], where, steps)
  expect({ code, shown: stdout.includes(token) }).toEqual({ code: 0, shown: false })
  expect((await cli.run(['whoami', '--json'], { env: where })).code).toBe(0)
})

test.each([
  ['SELECT 1; SELECT 2', ['SELECT 1'], ' SELECT 2'],
  [`SELECT ';', ";", [;], \`;\` -- ;\n/* ; */;`, [`SELECT ';', ";", [;], \`;\` -- ;\n/* ; */`], ''],
  ["SELECT 'it''s;'; -- done", ["SELECT 'it''s;'"], ''],
  ["SELECT 'open;", [], "SELECT 'open;"],
  [
    'CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; DELETE FROM b; END; SELECT 1;',
    ['CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; DELETE FROM b; END', 'SELECT 1'],
    '',
  ],
  [';;\n ;', [], ''],
])('%j is split where statements end', (text, statements, rest) => {
  expect(splitStatements(text)).toEqual({ statements, rest })
})
