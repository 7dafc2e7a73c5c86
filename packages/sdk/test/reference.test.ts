import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import WebSocket from 'ws'
import { startPlatform, type TestPlatform } from '../../../test/harness.ts'
import { clientExamples, type Example, type Scope } from '../../../tools/docs/sdk/client-examples.ts'
import { databaseExamples } from '../../../tools/docs/sdk/database-examples.ts'
import { resourceExamples } from '../../../tools/docs/sdk/resource-examples.ts'
import { PerSQL } from '../src/index.ts'

/** The errors of examples that need what a new instance doesn't have: payments, an AI model, a second namespace. */
const refused: Readonly<Record<string, string>> = {
  'persql.billing.topUp': 'payments_unavailable',
  'persql.billing.transfer': 'namespace_not_found',
  'db.ask': 'model_unavailable',
}

let platform: TestPlatform
let scope: Scope
/** A member who approves writes. */
let owner: Awaited<ReturnType<TestPlatform['signUp']>>

beforeAll(async () => {
  platform = await startPlatform()
  owner = await platform.signUp('acme@example.com')
  const { body } = await owner.request('/api/namespaces/acme/tokens', { body: { name: 'reference', role: 'admin' } })
  vi.stubEnv('PERSQL_API_URL', platform.url)
  const persql = new PerSQL({ token: body.data.token, WebSocket })
  const db = persql.database('acme/main')
  await db.query('CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, email TEXT UNIQUE)')
  await db.query("INSERT INTO people (name, email) VALUES ('Ada', 'ada@example.com')")
  scope = { persql, db, request: createDelivery() }
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await platform?.stop()
})

/** Returns a delivery as a webhook sends it. */
function createDelivery(): Request {
  const body = JSON.stringify({ id: 'evt_1', type: 'row.change', table: 'people', kind: 'insert' })
  const seconds = Math.floor(Date.now() / 1000)
  const hex = createHmac('sha256', 'whsec_…').update(`${seconds}.${body}`).digest('hex')
  const headers = { 'X-PerSQL-Signature': `t=${seconds},v1=${hex}` }
  return new Request('https://hooks.example/persql', { method: 'POST', headers, body })
}

const all: readonly [string, Example][] = [clientExamples, databaseExamples, resourceExamples].flatMap((examples) =>
  Object.entries<Example>(examples),
)

describe('the example in the reference of', () => {
  test.each(all)('%s runs', async (name, example) => {
    if (name === 'db.approvals.poll') await approveAll()
    const log = vi.spyOn(console, 'log').mockReturnValue()
    try {
      const code = await example(scope).then(
        () => undefined,
        (error: { code?: string }) => error.code ?? String(error),
      )
      // Without a suitable SQLite, local mode reports the reason.
      if (name === 'persql.close' && code === 'no_local_engine') return
      expect(code).toBe(refused[name])
    } finally {
      log.mockRestore()
    }
  })
})

async function approveAll(): Promise<void> {
  for (const { approvalToken } of await scope.db.approvals.list()) {
    const { status } = await owner.request(`/api/approvals/${approvalToken}/approve`, { body: {} })
    expect(status).toBe(200)
  }
}
