import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { repository } from '../../apps/launcher/src/paths.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { createEndpoints, specs } from '../endpoints.ts'
import { PlatformClient } from '../harness.ts'
import { createBranch, merge, ran } from '../merge-helpers.ts'

// The Worker as Cloudflare runs it: with the assets, the bindings and the settings of wrangler.jsonc, and no launcher.

class Deployed extends PlatformClient {
  readonly url: string
  readonly secret: string

  constructor(url: string, secret: string) {
    super()
    this.url = url
    this.secret = secret
  }
}

const version = /wrangler@([\d.]+)/.exec(readFileSync(join(repository, 'package.json'), 'utf8'))?.[1]
const workerd = createRequire(import.meta.url).resolve(`@cloudflare/workerd-${process.platform}-64/bin/workerd`)
let folder: string
let wrangler: ReturnType<typeof spawn> | undefined
let deployed: Deployed

beforeAll(async () => {
  folder = await makeDataFolder('persql-wrangler-')
  await promisify(execFile)(process.execPath, ['apps/launcher/console.mjs'], { cwd: repository })
  const secret = randomBytes(24).toString('base64url')
  const dev = [
    'dev',
    '--config',
    'apps/platform/wrangler.jsonc',
    '--ip',
    '127.0.0.1',
    '--port',
    '0',
    '--inspector-port',
    '0',
  ]
  const own = ['--persist-to', join(folder, 'state'), '--var', `PERSQL_SECRET:${secret}`]
  // The first run on a machine downloads wrangler. Its own runtime is older than the compatibility date.
  const started = spawn('npx', ['--yes', `wrangler@${version}`, ...dev, ...own], {
    cwd: repository,
    detached: true,
    env: {
      ...process.env,
      CI: 'true',
      MINIFLARE_WORKERD_PATH: workerd,
      WRANGLER_LOG_PATH: folder,
      WRANGLER_SEND_METRICS: 'false',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  wrangler = started
  deployed = new Deployed(await findUrl(started), secret)
})
afterAll(async () => {
  if (wrangler?.exitCode === null) {
    process.kill(-(wrangler.pid as number), 'SIGTERM')
    await once(wrangler, 'exit')
  }
  await removeDataFolder(folder)
})

async function findUrl(wrangler: ReturnType<typeof spawn>): Promise<string> {
  let output = ''
  return new Promise((resolve, reject) => {
    for (const stream of [wrangler.stdout, wrangler.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text
        const [, url] = /Ready on (http:\S+)/.exec(output) ?? []
        if (url) resolve(url)
      })
    }
    wrangler.on('exit', () => reject(new Error(`wrangler ended:\n${output}`)))
  })
}

test('a namespace, writes, reads, a branch with a merge, a snapshot, an endpoint and MCP work', async () => {
  const namespace = await deployed.createNamespace('acme')
  const db = namespace.db()
  expect((await db.query('CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)')).status).toBe(200)
  const batch = await db.batch(
    [{ sql: 'INSERT INTO t (name) VALUES (?)', params: ['ä'] }, { sql: 'SELECT name FROM t' }],
    {
      transaction: true,
    },
  )
  expect(batch.body.data.at(-1).rows).toEqual([['ä']])
  expect((await db.query('SELECT count(*) FROM t, t AS u')).body.data.rows).toEqual([[1]])

  const branch = await createBranch(deployed, db)
  await ran(branch, 'ALTER TABLE t ADD COLUMN age INTEGER')
  expect((await merge(db, { mode: 'schema' })).data.applied).toBe(true)
  expect((await db.query('SELECT name, age FROM t')).body.data.rows).toEqual([['ä', null]])

  const snapshot = await db.request('/snapshots', { body: { label: 'before' } })
  expect(snapshot.status).toBe(200)
  await db.query('DELETE FROM t')
  expect((await db.request('/restore', { body: { snapshotId: snapshot.body.data.id } })).status).toBe(200)
  expect((await db.query('SELECT count(*) FROM t')).body.data.rows).toEqual([[1]])

  const { publish, call } = await createEndpoints(deployed, namespace)
  await publish(specs.list)
  expect((await call('list-notes?author=ada')).body).toMatchObject({ ok: true, data: { rows: [[1, 'first']] } })

  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
  const headers = { accept: 'application/json, text/event-stream' }
  const tools = await deployed.request('/mcp', { token: namespace.token, body: list, headers })
  expect(tools.body).toContain('"name":"query"')
})

test('the console, its files and the documentation are served', async () => {
  const headers = { accept: 'text/html' }
  const page = await deployed.request('/', { headers })
  expect(page.status).toBe(200)
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(page.body)?.[1] as string
  expect((await deployed.request(script)).headers.get('content-type')).toContain('javascript')
  expect((await deployed.request('/docs/', { headers })).status).toBe(200)
})

test('accounts sign up and sign in', async () => {
  const user = await deployed.signUp('ada@example.com')
  expect((await user.request('/api/namespaces')).body.data.map(({ slug }: { slug: string }) => slug)).toEqual(['ada'])
})
