import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../../../test/shared-platform.ts'
import { ApprovalRequiredError, type Database, PerSQL } from '../src/index.ts'

const ns = uniqueName('acme')

let platform: SharedPlatform
let owner: Awaited<ReturnType<SharedPlatform['signUp']>>
let db: Database

beforeAll(async () => {
  platform = await sharedPlatform()
  owner = await platform.signUp(`${ns}@example.com`)
  const { body } = await owner.request(`/api/namespaces/${ns}/tokens`, { body: { name: 'sdk' } })
  db = new PerSQL({ token: body.data.token, baseURL: platform.url }).database(`${ns}/main`)
  await db.query('CREATE TABLE bills (id INTEGER PRIMARY KEY, n INTEGER)')
})
afterAll(() => platform.stop())
beforeEach(async () => {
  for (const { id } of await db.approvalRules.list()) await db.approvalRules.delete(id)
  await db.transaction([{ sql: 'DELETE FROM bills' }, { sql: 'INSERT INTO bills (n) VALUES (1)' }])
  await db.approvalRules.create({ tableGlob: 'bill*', action: 'require_approval', note: 'money' })
})

const decide = (approvalToken: string, decision: 'approve' | 'deny', note?: string) =>
  owner.request(`/api/approvals/${approvalToken}/${decision}`, { body: { note } })
const rows = async () => (await db.query<{ n: number }>('SELECT n FROM bills')).data
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  )
async function asked(run: () => Promise<unknown> = () => db.query('UPDATE bills SET n = 2')) {
  const error = await failure(run())
  expect(error).toBeInstanceOf(ApprovalRequiredError)
  return error as ApprovalRequiredError
}

test('creates, lists and deletes rules; denied writes are rejected', async () => {
  const [first] = await db.approvalRules.list()
  expect(first).toMatchObject({ tableGlob: 'bill*', action: 'require_approval', note: 'money' })
  expect(await db.approvalRules.delete(first?.id as string)).toEqual({ deleted: true })
  await db.approvalRules.create({ tableGlob: 'bills', action: 'deny' })
  const error = await failure(db.query('DELETE FROM bills WHERE n = 1'))
  expect(error).toMatchObject({ status: 403, code: 'approval_denied' })
  expect(error).not.toBeInstanceOf(ApprovalRequiredError)
})

test('a write needs approval, is approved and redeemed once', async () => {
  const error = await asked()
  expect(error.approvalUrl).toBe(`${platform.url}/approve/${error.approvalToken}`)
  expect(error.hits).toEqual([{ tableGlob: 'bill*', action: 'require_approval', matchedTable: 'bills', note: 'money' }])
  expect(Date.parse(error.expiresAt)).toBeGreaterThan(Date.now())
  expect(await db.approvals.get(error.approvalToken)).toMatchObject({ status: 'pending', decidedAt: null })
  const { approvalToken } = error
  expect(await db.approvals.list()).toContainEqual(expect.objectContaining({ approvalToken, status: 'pending' }))
  expect(await failure(db.approvals.redeem(error.approvalToken))).toMatchObject({ code: 'approval_not_open' })

  const polled = db.approvals.poll(error.approvalToken, { intervalMs: 20 })
  expect((await decide(error.approvalToken, 'approve', 'fine')).status).toBe(200)
  expect(await polled).toMatchObject({ status: 'approved', note: 'fine', decidedAt: expect.any(String) })
  expect(await rows()).toEqual([{ n: 1 }])
  expect(await db.approvals.redeem(error.approvalToken)).toMatchObject({ changes: 1, data: [] })
  expect(await rows()).toEqual([{ n: 2 }])
  expect(await failure(db.approvals.redeem(error.approvalToken))).toMatchObject({ code: 'approval_not_open' })
  expect(await db.approvals.get(error.approvalToken)).toMatchObject({ status: 'redeemed' })
})

test('redeeming a batch returns a result per statement', async () => {
  const { approvalToken } = await asked(() =>
    db.transaction([
      { sql: 'INSERT INTO bills (n) VALUES (?)', params: [7] },
      { sql: 'SELECT n FROM bills ORDER BY n' },
    ]),
  )
  await decide(approvalToken, 'approve')
  const [first, second] = [await db.approvals.redeem(approvalToken)].flat()
  expect([first?.changes, second?.data]).toEqual([1, [{ n: 1 }, { n: 7 }]])
})

test('a denied write is not run', async () => {
  const { approvalToken } = await asked()
  await decide(approvalToken, 'deny', 'never')
  expect(await db.approvals.poll(approvalToken)).toMatchObject({ status: 'denied', note: 'never' })
  expect(await failure(db.approvals.redeem(approvalToken))).toMatchObject({ status: expect.any(Number) })
  expect(await rows()).toEqual([{ n: 1 }])
})

test('polling ends after its timeout, or by its signal', async () => {
  const { approvalToken } = await asked()
  const options = { intervalMs: 20, timeoutMs: 30 }
  expect(await failure(db.approvals.poll(approvalToken, options))).toMatchObject({ code: 'timeout', status: 0 })
  const reason = new Error('enough')
  expect(await failure(db.approvals.poll(approvalToken, { signal: AbortSignal.abort(reason) }))).toBe(reason)
  expect(await failure(db.approvals.get('appr_nope'))).toMatchObject({ status: 404, code: 'approval_not_found' })
})

test('a tool returns the approval link to the AI model', async () => {
  const given = await db.runTool({ sql: 'UPDATE bills SET n = 3' })
  expect(given).toMatchObject({ code: 'approval_required', approvalUrl: expect.stringContaining('/approve/appr_') })
})
