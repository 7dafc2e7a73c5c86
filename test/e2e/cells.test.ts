import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CellClient, startCells, type TestCells } from '../cells.ts'
import { makeDataFolder, removeDataFolder } from '../data-folder.ts'
import { DnsDouble } from '../dns-double.ts'
import { createEndpoints, specs } from '../endpoints.ts'
import { launch } from '../launcher-process.ts'
import { speaker } from '../mcp/rpc.ts'
import { createBranch, merge, ran, readRows } from '../merge-helpers.ts'
import { hasReaders } from '../reader-count.ts'
import { uniqueName } from '../shared-platform.ts'
import { subscribe } from '../socket.ts'
import { startReceiver } from '../webhook-receiver.ts'

type Namespace = Awaited<ReturnType<CellClient['createNamespace']>>
type Database = ReturnType<CellClient['database']>

let instance: TestCells
let cells: readonly CellClient[]
let dns: DnsDouble
beforeAll(async () => {
  dns = await new DnsDouble().start()
  instance = await startCells(2, { QUERY_TIMEOUT_S: '3', TRUSTED_PROXIES: '127.0.0.1', ...dns.environment })
  cells = instance.cells
})
afterAll(async () => {
  await instance.stop()
  dns.stop()
})

const cell = (index: number) => cells[index] as CellClient

/** A namespace of cell 1, called at one of the cells: the Directory is in cell 0. */
interface Called {
  readonly client: CellClient
  readonly made: Namespace
  readonly name: string
  /** A database with the table `t`. */
  readonly db: Database
}

async function callAt(index: number): Promise<Called> {
  const client = cell(index)
  const name = instance.nameIn(1)
  const made = await client.createNamespace(name)
  const db = await made.make('CREATE TABLE t (id INTEGER PRIMARY KEY, n)')
  return { client, made, name, db }
}

const operations: Record<string, (called: Called) => Promise<void>> = {
  query: async ({ db }) => {
    const written = await db.query('INSERT INTO t (n) VALUES (?), (?)', [1, 'ä'])
    expect([written.status, written.body.data.rowsWritten]).toEqual([200, 2])
    expect((await db.query('SELECT n FROM t')).body.data.rows).toEqual([[1], ['ä']])
  },
  'a batch, whose error names its statement': async ({ db }) => {
    const { status, body } = await db.batch(
      [{ sql: 'INSERT INTO t (n) VALUES (1)' }, { sql: 'INSERT INTO none VALUES (1)' }],
      {
        transaction: true,
      },
    )
    expect([status, body.code]).toEqual([400, 'sql_error'])
    expect(await readRows(db, 'SELECT count(*) FROM t')).toEqual([[0]])
  },
  'a request ID': async ({ db }) => {
    const answer = await db.query('SELECT 1', [], { 'x-request-id': 'mine' })
    expect(answer.headers.get('x-request-id')).toBe('mine')
  },
  'an idempotent replay': async ({ db }) => {
    const key = { 'idempotency-key': 'once' }
    const [first, second] = [
      await db.query('INSERT INTO t (n) VALUES (1)', [], key),
      await db.query('INSERT INTO t (n) VALUES (1)', [], key),
    ]
    expect(second.body).toEqual(first.body)
    expect(await readRows(db, 'SELECT count(*) FROM t')).toEqual([[1]])
  },
  'a transaction that continues alone': async ({ db }) => {
    const statements = [{ sql: 'INSERT INTO t (n) VALUES (random()) RETURNING n & 0' }]
    const opened = await db.request('/transactions', { body: { statements } })
    expect([opened.status, opened.body.data.results[0].rows]).toEqual([201, [[0]]])
    const path = `/transactions/${opened.body.data.id}`
    const waiting = readRows(db, 'SELECT count(*) FROM t')
    const step = { step: 1, statements: [{ sql: 'INSERT INTO t (n) VALUES (1)' }] }
    expect((await db.request(`${path}/statements`, { body: step })).status).toBe(200)
    expect((await db.request(`${path}/commit`, { body: {} })).status).toBe(200)
    expect(await waiting).toEqual([[2]])
  },
  'a large result of a reader': async ({ db }) => {
    await ran(db, 'INSERT INTO t (n) VALUES (1)')
    const sql =
      'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT i, hex(zeroblob(500)) FROM n, t'
    const { status, body } = await db.query(sql)
    expect([status, body.error]).toEqual([200, undefined])
    expect(body.data.rows).toHaveLength(3000)
    expect(body.data.rows.at(-1)).toEqual([3000, '00'.repeat(500)])
  },
  'a public endpoint': async ({ client, made }) => {
    const { publish, call } = await createEndpoints(client, made)
    await publish(specs.list)
    expect((await call('list-notes?author=ada')).body).toMatchObject({ ok: true, data: { rows: [[1, 'first']] } })
    expect((await call('list-notes')).status).toBe(400)
  },
  'sign-in at a public endpoint': async ({ client, made }) => {
    const { publish, call } = await createEndpoints(client, made)
    await publish(specs.signup)
    const { status } = await call('signup', { body: { email: 'a@example.com', password: 'correct horse battery' } })
    expect(status).toBe(200)
  },
  'an MCP query': async ({ client, made, db }) => {
    const { structuredContent } = await speaker(client, made.token).call('query', {
      database: db.slug,
      sql: 'SELECT 1 AS one',
    })
    expect(structuredContent).toMatchObject({ columns: ['one'], rows: [[1]] })
  },
  'an export and an import': async ({ client, made, db }) => {
    await ran(db, "INSERT INTO t (n) VALUES (hex(zeroblob(300000))), ('two')")
    const dump = await db.request('/export')
    expect(dump.body).toContain("'two'")
    const file = await fetch(`${client.url}${db.path}/export?format=sqlite`, {
      headers: { authorization: `Bearer ${made.token}` },
    })
    const bytes = new Uint8Array(await file.arrayBuffer())
    const fromDump = await made.make()
    const fromFile = await made.make()
    const raw = { 'content-type': 'application/octet-stream' }
    expect((await fromDump.request('/import', { method: 'POST', body: dump.body, headers: raw })).status).toBe(200)
    expect((await fromFile.request('/import', { method: 'POST', body: bytes })).status).toBe(200)
    for (const copy of [fromDump, fromFile])
      expect(await readRows(copy, 'SELECT id, length(n) FROM t')).toEqual([
        [1, 600_000],
        [2, 3],
      ])
  },
  'a subscription': async ({ client, made, db }) => {
    const subscriber = await subscribe(`${client.url}${db.path}/subscribe`, { token: made.token })
    await ran(db, 'INSERT INTO t (n) VALUES (1)')
    await subscriber.until(({ table, kind }) => table === 't' && kind === 'insert')
    subscriber.send('ping')
    await subscriber.until(({ type }) => type === 'pong')
    subscriber.close()
    await subscriber.closed
  },
  'a long poll': async ({ db }) => {
    const { body } = await db.request('/wait_for_changes?timeoutSec=0')
    const waiting = db.request(`/wait_for_changes?cursor=${body.data.cursor}`)
    await ran(db, 'INSERT INTO t (n) VALUES (1)')
    expect((await waiting).body.data.changes).toMatchObject([{ table: 't', kind: 'insert' }])
  },
  'a branch and its merge': async ({ client, db }) => {
    await ran(db, "INSERT INTO t (n) VALUES ('parent')")
    const branch = await createBranch(client, db)
    await ran(branch, 'ALTER TABLE t ADD COLUMN tag')
    expect((await merge(db, { mode: 'schema' })).data).toMatchObject({ applied: true })
    expect(await readRows(db, 'SELECT * FROM t')).toEqual([[1, 'parent', null]])
  },
  'a snapshot and its restore': async ({ db }) => {
    await ran(db, 'INSERT INTO t (n) VALUES (1)')
    const { data } = (await db.request('/snapshots', { body: { label: 'x' } })).body
    await ran(db, 'DELETE FROM t')
    expect((await db.request('/restore', { body: { snapshotId: data.id } })).status).toBe(200)
    expect(await readRows(db, 'SELECT n FROM t')).toEqual([[1]])
  },
  'a webhook': async ({ db }) => {
    const receiver = await startReceiver()
    const hook = { name: 'h', url: receiver.url, tables: ['t'], events: ['insert'] }
    expect((await db.request('/webhooks', { body: hook })).status).toBe(200)
    await ran(db, 'INSERT INTO t (n) VALUES (1)')
    expect((await receiver.got(1))[0]?.body).toMatchObject({ type: 'row.change', table: 't', kind: 'insert' })
    await receiver.stop()
  },
  'a schedule': async ({ db }) => {
    const body = { name: 's', sql: 'INSERT INTO t (n) VALUES (7)', intervalSec: 60 }
    const { data } = (await db.request('/schedules', { body })).body
    expect((await db.request(`/schedules/${data.id}/run`, { body: {} })).status).toBe(200)
    expect(await readRows(db, 'SELECT n FROM t')).toEqual([[7]])
  },
  'a token, until it is revoked at the other cell': async ({ client, made, name, db }) => {
    const { data } = (await client.request('/v1/tokens', { token: made.token, body: { name: 'short' } })).body
    const other = cells.find((each) => each !== client) as CellClient
    for (const each of cells)
      expect((await each.database(name, db.slug, data.token).query('SELECT 1')).status).toBe(200)
    expect((await other.request(`/v1/tokens/${data.id}`, { token: made.token, method: 'DELETE' })).status).toBe(200)
    for (const each of cells)
      expect((await each.database(name, db.slug, data.token).query('SELECT 1')).body.code).toBe('token_unknown')
  },
  'the deletion of a database': async ({ client, made, db }) => {
    expect((await client.request(`/v1/databases/${db.slug}`, { token: made.token, method: 'DELETE' })).status).toBe(200)
    const { status, body } = await client.request(`/v1/databases/${db.slug}`, { token: made.token })
    expect([status, body.code]).toEqual([404, 'database_not_found'])
  },
  'an error of the namespace': async ({ client, made }) => {
    const { status, body } = await client.request('/v1/databases/none', { token: made.token })
    expect([status, body.code]).toEqual([404, 'database_not_found'])
    expect(body.error).toBe('Database "none" not found.')
  },
}

describe.each([0, 1])('a namespace of cell 1 that is called at cell %d serves', (index) => {
  test.concurrent.each(Object.keys(operations))('%s', async (name) => {
    await operations[name]?.(await callAt(index))
  })

  // The end of a reader ends what it still sends, so nothing else runs. Without readers, no read can be canceled.
  test.runIf(hasReaders)('a long read, until it is canceled', async () => {
    const { db } = await callAt(index)
    const endless = 'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n'
    const reading = db.query(endless, [], { 'x-request-id': 'endless' })
    let canceled = await db.request('/queries/endless', { method: 'DELETE' })
    while (canceled.status === 404) canceled = await db.request('/queries/endless', { method: 'DELETE' })
    expect(canceled.status).toBe(200)
    expect((await reading).body.code).toBe('query_canceled')
  })
})

test('the files of a namespace are in the folder of its cell', async () => {
  const before = await files()
  const names = [instance.nameIn(0), instance.nameIn(1)]
  for (const name of names) await cell(0).createNamespace(name)
  const after = await files()
  expect(after.map(({ namespace }, index) => namespace - (before[index]?.namespace ?? 0))).toEqual([1, 1])
  expect(after.map(({ directory }) => directory)).toEqual([1, 0])
})

/** Counts the files of objects in the folder of each cell, by class. */
async function files() {
  const count = async (folder: string, name: string) => {
    const found = join(instance.data, folder, name)
    if (!existsSync(found)) return 0
    return (await readdir(found)).filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file)).length
  }
  return Promise.all(
    ['objects', 'cells/1/objects'].map(async (folder) => ({
      namespace: await count(folder, 'namespace'),
      directory: await count(folder, 'directory'),
    })),
  )
}

describe('an account', () => {
  test('signs up at one cell and uses namespaces of both at the other', async () => {
    const email = `${uniqueName()}@example.com`
    const { userId } = await cell(1).signUp(email)
    const answer = await cell(0).request('/api/auth/sign-in/email', {
      body: { email, password: 'correct horse battery' },
    })
    expect(answer.status).toBe(200)
    const session = cell(0).session(answer, email)
    expect(session.userId).toBe(userId)
    const names = [instance.nameIn(0), instance.nameIn(1)] as const
    for (const slug of names) expect((await session.request('/api/namespaces', { body: { slug } })).status).toBe(200)
    const listed = (await session.request('/api/namespaces')).body.data.map(({ slug }: { slug: string }) => slug)
    expect(listed).toEqual(expect.arrayContaining([...names]))

    const credit = { amountUsd: 20, note: 'paid', ref: 'once' }
    const [a, b] = names
    await cell(1).request(`/api/operator/namespaces/${a}/credit`, { token: cell(1).secret, body: credit })
    const sent = await session.request(`/api/namespaces/${a}/billing/transfer`, { body: { to: b, amountUsd: 12.5 } })
    expect([sent.status, sent.body.data]).toMatchObject([200, { status: 'completed', balanceUsd: 12.5 }])
    const { data } = (await session.request(`/api/namespaces/${b}/billing`)).body
    expect([data.balanceUsd, data.ledger[0].amountUsd]).toEqual([17.5, 12.5])

    const elsewhere = cell(1).session(answer, email)
    for (const slug of names) {
      expect((await elsewhere.request(`/api/namespaces/${slug}`)).status).toBe(200)
      const deleted = await session.request(`/api/namespaces/${slug}`, { method: 'DELETE' })
      expect([deleted.status, deleted.body.error]).toEqual([200, undefined])
      for (const each of [session, elsewhere]) {
        expect((await each.request(`/api/namespaces/${slug}`)).body.code).toBe('namespace_not_found')
      }
    }
  })

  test('has one limit for sign-ins, whichever cell it calls', async () => {
    const attempts = Array.from({ length: 61 }, (_, i) =>
      cell(i % 2).request('/api/auth/sign-in/email', {
        body: { email: 'no address', password: 'correct horse battery' },
        headers: { 'x-forwarded-for': '203.0.113.1' },
      }),
    )
    const statuses = (await Promise.all(attempts)).map(({ status }) => status)
    expect(statuses.sort()).toEqual([...Array<number>(60).fill(400), 429])
  })
})

describe('a cell that is killed', () => {
  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await holds())) await delay(10)
  }

  test.each([
    [1, 0],
    [0, 1],
  ])('%d leaves the calls of cell %d alone, and is answered for with 503 until it is back', async (killed, other) => {
    const client = cell(other)
    const create = async (name: string) => {
      const { db } = await client.createNamespace(name)
      await ran(db(), 'CREATE TABLE t (id INTEGER PRIMARY KEY, n UNIQUE)')
      return db()
    }
    const there = await create(instance.nameIn(killed))
    const here = await create(instance.nameIn(other))
    const pids = await instance.pids()
    const answers = { here: [] as number[], there: [] as { n: number; status: number; code?: string }[] }
    let isOver = false
    const callHere = async () => {
      for (let n = 0; !isOver; n++) answers.here.push((await here.query('INSERT INTO t (n) VALUES (?)', [n])).status)
    }
    const callThere = async () => {
      for (let n = 0; !isOver; n++) {
        const { status, body, headers } = await there.query('INSERT INTO t (n) VALUES (?)', [n])
        answers.there.push({ n, status, code: body.code })
        if (status === 503) expect(headers.get('retry-after')).toBe('1')
        // The connection fails immediately while the cell starts.
        if (status === 503) await delay(5)
      }
    }
    const calls = [callHere(), callThere()]
    await until(() => answers.here.length > 10 && answers.there.length > 10)
    process.kill(pids[killed] as number, 'SIGKILL')
    await until(() => answers.there.some(({ status }) => status === 503))
    await until(() => answers.there.at(-1)?.status === 200)
    isOver = true
    await Promise.all(calls)

    expect(answers.here.filter((status) => status !== 200)).toEqual([])
    const failed = answers.there.filter(({ status }) => status !== 200)
    expect(new Set(failed.map(({ status, code }) => `${status} ${code}`))).toEqual(new Set(['503 cell_unavailable']))
    // Each acknowledged row is there once.
    const { body } = await there.query('SELECT n FROM t')
    const rows: number[] = body.data.rows.flat()
    const acknowledged = answers.there.filter(({ status }) => status === 200).map(({ n }) => n)
    expect(acknowledged.filter((n) => !rows.includes(n))).toEqual([])
    const after = await instance.pids()
    expect(after[other]).toBe(pids[other])
    expect(after[killed]).not.toBe(pids[killed])
  })

  test('is stuck in a statement: its caller waits, then the statement is billed to its database', async () => {
    const { db, name } = await callAt(0)
    await ran(db, 'INSERT INTO t (n) VALUES (1)')
    const endless = 'INSERT INTO t (n) WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n'
    const stuck = await db.query(endless)
    expect([stuck.status, stuck.body.code]).toEqual([408, 'query_timeout'])
    await instance.launcher.printed(`"event":"stopped_statement_recorded","cell":1,"database":"${name}/${db.slug}"`)
    expect((await db.query('INSERT INTO t (n) VALUES (2)')).body.code).toBe('database_suspended')
    expect(await readRows(db, 'SELECT n FROM t')).toEqual([[1]])
  })
})

test('each cell has its own health and metrics', async () => {
  const name = instance.nameIn(1)
  const { token } = await cell(0).createNamespace(name)
  await cell(1).database(name, 'main', token).query('SELECT 1')
  for (const each of cells) {
    expect((await each.request('/healthz')).body).toEqual({ ok: true, disk: 'ok' })
    await expect.poll(async () => (await each.request('/readyz')).body, { timeout: 60_000 }).toMatchObject({ ok: true })
    expect((await each.request('/readyz')).body).toMatchObject({ objects: 'ok', cells: 'ok', hashing: 'ok' })
    expect((await each.request('/metrics', { token: each.secret })).body).toContain('persql_requests_total{operation=')
  }
})

test('the start writes configurations of proxies, from what the launcher alone can list', async () => {
  for (const file of ['haproxy.cfg', 'Caddyfile']) {
    const text = await readProxyFile(file)
    for (const { url } of cells) expect(text).toContain(` ${new URL(url).host}`)
  }
  const name = instance.nameIn(1)
  await cell(1).createNamespace(name)
  const { body } = await cell(1).request('/api/launcher/routing', { token: cell(1).secret })
  expect(body.data).toEqual({ namespaces: expect.arrayContaining([name]), hostnames: [] })
  expect((await cell(1).request('/api/launcher/routing')).status).toBe(401)
})

const readProxyFile = (file: string) => readFile(join(instance.data, 'run', file), 'utf8')

test('the configurations of proxies follow namespaces and custom hostnames, also after a crash of the first cell', async () => {
  const name = instance.nameIn(1)
  const { token, make } = await cell(1).createNamespace(name)
  await expect.poll(() => readProxyFile('Caddyfile')).toContain(`\t\t\t${name} 1\n`)
  const db = await make()
  const host = `api.${name}.com`
  const { verification } = (await db.request('/hostnames', { body: { hostname: host } })).body.data
  dns.records.set(verification.name, [`"${verification.value}"`])
  expect((await db.request(`/hostnames/${host}/refresh`, { method: 'POST' })).body.data.status).toBe('active')
  await expect.poll(() => readProxyFile('hostnames.map')).toContain(`${host} ${name}\n`)
  await expect.poll(() => readProxyFile('Caddyfile')).toContain(`\t\t\t${host} ${name}\n`)

  process.kill((await instance.pids())[0] as number, 'SIGKILL')
  const other = instance.nameIn(0)
  while (
    !(await cell(0)
      .createNamespace(other)
      .catch(() => undefined))
  )
    await delay(20)
  expect((await db.request(`/hostnames/${host}`, { method: 'DELETE' })).status).toBe(200)
  await expect.poll(() => readProxyFile('hostnames.map')).not.toContain(host)
  await expect.poll(() => readProxyFile('Caddyfile')).toContain(`\t\t\t${other} 0\n`)
  const deleted = await cell(1).request(`/v1/databases/${db.slug}`, { token, method: 'DELETE' })
  expect(deleted.status).toBe(200)
})

test('the sockets between cells refuse calls without their key', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'persql-door-'))
  const program = `export default {
    async test(_, env) {
      for (const key of [undefined, '', 'x'.repeat(43)]) {
        const called = env.CELL.call(key, 'DIRECTORY', 'directory', ['list'], [])
        const message = await called.then((rows) => JSON.stringify(rows), (cause) => cause.message)
        if (message !== 'The key of the cells is missing or wrong.') throw new Error(message)
        const headers = { Upgrade: 'websocket', ...(key && { 'X-PerSQL-Cell-Key': key }) }
        const { status } = await env.CELL.fetch('http://cell/DATABASES/acme%2Fmain', { headers })
        if (status !== 403) throw new Error('status ' + status)
      }
    },
  }`
  const config = `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (services = [
      (name = "main", worker = .outsider),
      (name = "cell", external = (address = "unix:run/cells/0.sock", http = (capnpConnectHost = "cell"))),
    ]);
    const outsider :Workerd.Worker = (
      modules = [(name = "outsider.js", esModule = embed "outsider.js")],
      compatibilityDate = "2026-10-01",
      bindings = [(name = "CELL", service = "cell")],
    );`
  await writeFile(join(folder, 'outsider.js'), program)
  await writeFile(join(folder, 'config.capnp'), config)
  const workerd = createRequire(import.meta.url)('workerd').default
  const run = promisify(execFile)(workerd, ['test', join(folder, 'config.capnp')], { cwd: instance.data })
  expect(await run.then(({ stderr }) => stderr)).toContain('[ PASS ]')
  await removeDataFolder(folder)
})

test('the number of cells is recorded, and another number is refused', async () => {
  const stamp = JSON.parse(await readFile(join(instance.data, 'format.json'), 'utf8'))
  expect(stamp).toMatchObject({ cells: 2, oldestReader: 6 })
  const folder = await makeDataFolder('persql-recorded-')
  await mkdir(join(folder, 'data'))
  await writeFile(join(folder, 'data', 'format.json'), JSON.stringify(stamp))
  const launcher = launch(folder, { PERSQL_CELLS: '3' })
  expect(await launcher.exitCode()).toBe(1)
  expect(launcher.stderr).toMatch(/was created with PERSQL_CELLS=2, but PERSQL_CELLS is 3\. .* Set PERSQL_CELLS=2/)
  await removeDataFolder(folder)
})
