import { readFile } from 'node:fs/promises'
import { build } from 'esbuild'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage, startBrowser, startSite } from '../browser.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

let platform: SharedPlatform
let browser: Browser
let app: Awaited<ReturnType<typeof startSite>>
let stranger: Awaited<ReturnType<typeof startSite>>
/** Admin tokens: for pages of `app`, and without origins. */
let listed: string
let plain: string
const ns = uniqueName('pages')

beforeAll(async () => {
  ;[platform, browser, app, stranger] = await Promise.all([sharedPlatform(), startBrowser(), startSite(), startSite()])
  plain = (await platform.createNamespace(ns)).token
  const body = { name: 'page', origins: [app.origin] }
  listed = (await platform.request('/v1/tokens', { token: plain, body })).body.data.token
  const db = platform.database(ns, 'main', plain)
  await db.query('CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)')
  await db.query("INSERT INTO people (name) VALUES ('Ada'), ('Grace')")
})
afterAll(async () => {
  await browser?.close()
  await platform?.stop()
  app?.stop()
  stranger?.stop()
})

/**
 * Runs a module in a page of that origin, bundled with its imports as for any site. Returns what it logs, the last line
 * being its error if it fails.
 */
async function run(origin: string, source: string): Promise<string[]> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: process.cwd() },
    ...{ bundle: true, write: false, format: 'esm', target: 'es2022', platform: 'browser' },
    conditions: ['persql-source'],
    external: ['better-sqlite3', 'node:*'],
  })
  const page = await openPage(browser)
  try {
    await page.goto(origin)
    const lines: string[] = []
    const ended = new Promise<void>((resolve) => {
      page.on('console', (message) => {
        // Chromium itself logs failed requests as errors.
        if (message.type() === 'log') lines.push(message.text())
      })
      page.on('pageerror', (error) => {
        lines.push(String((error as { code?: string }).code ?? error.message))
        resolve()
      })
      page.exposeFunction('ended', resolve)
    })
    await page.waitForFunction('typeof ended === "function"')
    await page.addScriptTag({ type: 'module', content: `${outputFiles[0]?.text}\nended()` })
    await ended
    return lines
  } finally {
    await page.close()
  }
}

const sdk = (token: string, source: string) => `
  import { PerSQL, PerSQLError } from '@persql/sdk'
  const persql = new PerSQL({ token: ${JSON.stringify(token)}, baseURL: ${JSON.stringify(platform.url)}, maxRetries: 0 })
  const db = persql.database('${ns}/main')
  const attempt = (call) => call.then(
    () => console.log('done'),
    (error) => console.log(error.status, error.code, error.message),
  )
  ${source}`

describe('the SDK in a page of a listed origin', () => {
  test('reads, writes and runs transactions', async () => {
    const lines = await run(
      app.origin,
      sdk(
        listed,
        `
        await db.query('CREATE TABLE written (n INTEGER)')
        const sum = await db.transaction(async (tx) => {
          await tx.query('INSERT INTO written VALUES (40), (2)')
          return (await tx.query('SELECT sum(n) AS n FROM written')).data[0].n
        })
        console.log(sum, (await persql.tokens.list()).length > 0)
        `,
      ),
    )
    expect(lines).toEqual(['42 true'])
  })

  test('reads errors, replays and files', async () => {
    const lines = await run(
      app.origin,
      sdk(
        listed,
        `
        await attempt(db.query('SELECT nmae FROM people'))
        await db.query('INSERT INTO people (name) VALUES (?)', ['Hopper'], { idempotencyKey: 'one' })
        await db.query('INSERT INTO people (name) VALUES (?)', ['Hopper'], { idempotencyKey: 'one' })
        await db.query('DELETE FROM people WHERE name = ?', ['Hopper'])
        const csv = await (await db.export({ format: 'csv', table: 'people' })).text()
        console.log(csv.trim().split(/\\s+/).join(' '))
        await db.import('name\\nEmmy\\n', { format: 'csv', table: 'imported', create: true })
        console.log((await db.query('SELECT name FROM imported')).rows.join())
        `,
      ),
    )
    expect(lines).toEqual([expect.stringMatching(/^400 sql_error /), 'id,name 1,"Ada" 2,"Grace"', 'Emmy'])
  })

  test('follows the change feed over a WebSocket', async () => {
    const lines = await run(
      app.origin,
      sdk(
        listed,
        `
        await db.query('CREATE TABLE IF NOT EXISTS rooms (n INTEGER)')
        await new Promise((resolve, reject) => {
          const off = db.subscribe({
            tables: ['rooms'],
            onReady: () => db.query('INSERT INTO rooms VALUES (1)'),
            onChange: ({ table, kind }) => { console.log(table, kind); off(); resolve() },
            onError: reject,
          })
        })
        `,
      ),
    )
    expect(lines).toEqual(['rooms insert'])
  })

  test('reads that its token is unknown', async () => {
    const source = "await attempt(db.query('SELECT 1'))"
    const lines = await run(app.origin, sdk(`${listed.slice(0, -4)}aaaa`, source))
    expect(lines).toEqual([expect.stringMatching(/^401 token_/)])
  })
})

test('the SDK in a page that the token does not list reads the reason, and nothing runs', async () => {
  const source = "await attempt(db.query('CREATE TABLE strange (n)'))"
  const [line] = await run(stranger.origin, sdk(listed, source))
  expect(line).toMatch(/^403 origin_not_allowed /)
  expect(line).toContain(stranger.origin)
  const { body } = await platform
    .database(ns, 'main', plain)
    .query("SELECT 1 FROM sqlite_master WHERE name = 'strange'")
  expect(body.data.rows).toEqual([])
})

test('with a token without origins, the browser blocks the response', async () => {
  const [line] = await run(app.origin, sdk(plain, "await attempt(db.query('SELECT 1'))"))
  expect(line).toMatch(/^0 network /)
})

test.each([
  ['packages/sdk/README.md', ''],
  ['docs/guides/browsers.md', "console.log(data.map(({ name }) => name).sort().join(', '))"],
])('the example for pages in %s runs as it is', async (page, print) => {
  const [, source = ''] = /```js\n([\s\S]*?)```/.exec(await readFile(page, 'utf8')) ?? []
  const body = { name: 'page', role: 'readonly', tableScope: ['people'], origins: [app.origin] }
  const { token } = (await platform.request('/v1/tokens', { token: plain, body })).body.data
  const filled = source
    .replace('psql_live_acme_…', token)
    .replace('https://sql.example.com', platform.url)
    .replace('acme/main', `${ns}/main`)
  expect(await run(app.origin, `${filled}\n${print}`)).toEqual(['Ada, Grace'])
})

describe('@libsql/client/web', () => {
  const libsql = (token: string, source: string) => `
    import { createClient } from '@libsql/client/web'
    const client = createClient({ url: '${platform.url}/libsql/${ns}/main/', authToken: '${token}' })
    try { ${source} } catch (error) { console.log(error.message) }`

  test('reads and writes in a page of a listed origin, with a transaction', async () => {
    const lines = await run(
      app.origin,
      libsql(
        listed,
        `
        await client.execute('CREATE TABLE notes (n INTEGER)')
        const transaction = await client.transaction('write')
        await transaction.execute({ sql: 'INSERT INTO notes VALUES (?)', args: [7n] })
        const { rows } = await transaction.execute('SELECT n FROM notes')
        await transaction.commit()
        console.log(rows[0].n)
        await client.execute('SELECT missing')
        `,
      ),
    )
    expect(lines).toEqual(['7', expect.stringContaining('missing')])
  })

  test('reads why a page of another origin is refused', async () => {
    const [line] = await run(stranger.origin, libsql(listed, "await client.execute('SELECT 1')"))
    expect(line).toContain(stranger.origin)
  })
})
