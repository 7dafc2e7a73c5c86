import { afterEach, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { type Database, exportText, imported, readRows } from '../transfer.ts'

let platform: TestPlatform
afterEach(() => platform.stop())

const insert = (i: number) => `INSERT INTO t VALUES (${i}, 'row ${i} ${'x'.repeat(50)}');\n`
const large = `CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);\n${Array.from({ length: 200_000 }, (_, i) => insert(i)).join('')}`

async function begun(): Promise<Database> {
  platform = await startPlatform()
  const db = (await platform.createNamespace('acme')).db()
  await db.query('CREATE TABLE kept (n)')
  await db.query('INSERT INTO kept VALUES (1)')
  return db
}

/** Polls until the import has reached a state, and returns it. */
async function until(db: Database, isSo: (seen: { state: string; bytes: number }) => boolean) {
  for (;;) {
    const { body } = await db.request('/import')
    if (body.data?.import && isSo(body.data.import)) return body.data.import
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const isReceiving = ({ state }: { state: string }) => state === 'receiving'
const hasArrived = ({ bytes }: { bytes: number }) => bytes > large.length * 0.97

/** An upload that sends the beginning of a file and then waits. */
function halfSent(db: Database, token: string) {
  const half = new TextEncoder().encode(large.slice(0, large.length / 2))
  const controller = new AbortController()
  const body = new ReadableStream({ start: (stream) => stream.enqueue(half) })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/sql' }
  const answer = fetch(`${platform.url}${db.path}/import`, {
    method: 'POST',
    body,
    headers,
    signal: controller.signal,
    duplex: 'half',
  } as RequestInit).catch(() => undefined)
  return { answer, leave: () => controller.abort() }
}

test('killed while a file arrives, the database is as before, and takes it when it is sent again', async () => {
  const db = await begun()
  const before = await exportText(db)
  const { token } = await platform.createNamespace('acme')
  const upload = halfSent(db, token)
  expect(await until(db, isReceiving)).toMatchObject({ totalBytes: null })
  // The database serves all calls during the import.
  expect((await db.query('INSERT INTO kept VALUES (2)')).status).toBe(200)
  expect((await db.query('DELETE FROM kept WHERE n = 2')).status).toBe(200)
  await platform.kill()
  await upload.answer
  await platform.restart()
  expect((await db.request('/import')).body.data.import).toMatchObject({ state: 'failed' })
  expect(await exportText(db)).toBe(before)
  expect((await imported(db, large)).body.data).toMatchObject({ rows: 200_000 })
})

test('killed while it is applied, the database is as before or as after, never between', async () => {
  for (const afterMs of [0, 200, 600]) {
    const db = await begun()
    const once = () => imported(db, large, '', { 'Idempotency-Key': 'once' })
    const answer = once().catch(() => undefined)
    await until(db, hasArrived)
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    await platform.kill()
    await answer
    await platform.restart()
    const [[tables] = []] = await readRows(db, "SELECT count(*) FROM sqlite_master WHERE name = 't'")
    const again = await once()
    expect([again.body.data?.rows, again.headers.has('Idempotency-Replayed')]).toEqual([200_000, tables === 1])
    expect(await readRows(db, 'SELECT count(*) FROM t')).toEqual([[200_000]])
    expect(await readRows(db, 'SELECT n FROM kept')).toEqual([[1]])
    await platform.stop()
  }
})

test('while it is applied calls wait and do not fail, how far it is can be seen, and there is one at a time', async () => {
  const db = await begun()
  let isAnswered = false
  const answer = imported(db, large).finally(() => {
    isAnswered = true
  })
  const seen = await until(db, ({ bytes }) => bytes > 0)
  expect(seen).toMatchObject({ totalBytes: large.length, rows: expect.any(Number) })
  expect((await imported(db, 'SELECT 1;')).body.code).toBe('import_under_way')
  const counts = new Set<unknown>()
  while (!isAnswered) {
    expect((await db.query('INSERT INTO kept VALUES (2)')).status).toBe(200)
    const { status, body } = await db.query('SELECT count(*) FROM t')
    counts.add(status === 200 ? body.data.rows[0][0] : body.errorDetail.kind)
  }
  expect((await answer).status).toBe(200)
  counts.delete(200_000)
  expect([...counts]).toEqual(['unknown_table'])
})

test('an upload that was left can be followed by another', async () => {
  const db = await begun()
  const { token } = await platform.createNamespace('acme')
  const upload = halfSent(db, token)
  await until(db, isReceiving)
  const busy = await imported(db, 'SELECT 1;')
  expect([busy.status, busy.body.code]).toEqual([409, 'import_under_way'])
  upload.leave()
  await upload.answer
  await expect.poll(async () => (await imported(db, 'SELECT 1;')).status).toBe(200)
})

test('a body may be as large as the operator lets it, whether its length is declared or not', async () => {
  platform = await startPlatform({ environment: { IMPORT_MAX_MB: '1' } })
  const { token, db } = await platform.createNamespace('acme')
  const file = `CREATE TABLE t (n);\n${'INSERT INTO t VALUES (1);\n'.repeat(60_000)}`
  const refused = await imported(db(), file)
  expect([refused.status, refused.body.error]).toEqual([413, 'The request body exceeds 1 MB.'])
  const parts = [file.slice(0, 500_000), file.slice(500_000)].map((part) => new TextEncoder().encode(part))
  const body = new ReadableStream({
    pull: (stream) => {
      const part = parts.shift()
      if (part) stream.enqueue(part)
      else stream.close()
    },
  })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/sql' }
  const request = { method: 'POST', body, headers, duplex: 'half' } as RequestInit
  expect((await fetch(`${platform.url}${db().path}/import`, request)).status).toBe(413)
  expect((await imported(db(), file.slice(0, 20 + 26 * 38_000))).status).toBe(200)
})
