import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../../../test/harness.ts'
import { type Receiver, startReceiver } from '../../../test/webhook-receiver.ts'
import { type Database, PerSQL } from '../src/index.ts'
import { verifyWebhook } from '../src/webhooks.ts'

let platform: TestPlatform
let db: Database
let receiver: Receiver

beforeAll(async () => {
  platform = await startPlatform({ environment: { PERSQL_DEV: '1' } })
  const { token } = await platform.createNamespace('acme')
  db = new PerSQL({ token, baseURL: platform.url }).database('acme/main')
  await db.query('CREATE TABLE t (n, bytes BLOB)')
})
afterAll(() => platform.stop())
beforeEach(async () => {
  receiver = await startReceiver()
})
afterEach(async () => {
  for (const { id } of await db.webhooks.list()) await db.webhooks.delete(id)
  await receiver.stop()
})

test('a webhook receives changes with a valid signature', async () => {
  const hook = await db.webhooks.create({ name: 'mine', url: receiver.url, tables: ['t'], events: ['insert'] })
  expect(await db.webhooks.get(hook.id)).toEqual(hook)
  expect(await db.webhooks.list()).toEqual([hook])
  await db.query('INSERT INTO t VALUES (1, NULL)')
  const [posted] = await receiver.got(1)
  const event = await verifyWebhook(hook.secret, posted?.headers ?? {}, posted?.text ?? '')
  expect(event).toMatchObject({ type: 'row.change', table: 't', kind: 'insert', database: 'acme:main' })

  const rotated = await db.webhooks.rotateSecret(hook.id)
  expect(rotated.secret).not.toBe(hook.secret)
  expect(await db.webhooks.test(hook.id)).toMatchObject({ delivered: true, responseStatus: 204, error: null })
  const test = (await receiver.got(2))[1]
  const verified = (secret: string | string[]) => verifyWebhook(secret, test?.headers ?? {}, test?.text ?? '')
  await expect(verified(hook.secret)).rejects.toMatchObject({ code: 'signature_wrong' })
  expect(await verified([hook.secret, rotated.secret])).toMatchObject({ type: 'test' })
})

test('deliveries are listed and redelivered with the same ID', async () => {
  const { id } = await db.webhooks.create({ name: 'mine', url: receiver.url })
  await db.query('INSERT INTO t VALUES (2, NULL)')
  await db.query('DELETE FROM t WHERE n = 2')
  await receiver.got(2)
  await expect
    .poll(async () => (await db.webhooks.deliveries(id)).map(({ status }) => status))
    .toEqual(['delivered', 'delivered'])
  const [newest] = await db.webhooks.deliveries(id, { limit: 1 })
  expect(newest).toMatchObject({ event: { kind: 'delete', table: 't' }, attempts: 1, responseStatus: 204 })
  expect(await db.webhooks.replay(id, newest?.id as string)).toMatchObject({ id: newest?.id, status: 'pending' })
  const [, , again] = await receiver.got(3)
  expect(again?.body).toMatchObject({ id: newest?.event.id, kind: 'delete' })
})

test('updates and deletes a webhook, whose host must be public', async () => {
  const { id } = await db.webhooks.create({ name: 'mine', url: receiver.url })
  const changed = await db.webhooks.update(id, { name: 'ours', enabled: false, events: ['schema'] })
  expect(changed).toMatchObject({ name: 'ours', enabled: false, events: ['schema'], tables: null })
  expect(await db.webhooks.delete(id)).toEqual({ deleted: true })
  await expect(db.webhooks.get(id)).rejects.toMatchObject({ code: 'webhook_not_found' })
  const inside = db.webhooks.create({ name: 'inside', url: 'https://169.254.169.254/' })
  await expect(inside).rejects.toMatchObject({ code: 'url_not_public' })
})

test('creates, runs, updates, lists and deletes a schedule', async () => {
  const params = [7, Uint8Array.from([1, 2])]
  const made = await db.schedules.create({ name: 'tick', sql: 'INSERT INTO t VALUES (?, ?)', params, intervalSec: 60 })
  expect(made).toMatchObject({ enabled: true, lastRunAt: null, nextRunAt: expect.any(String) })
  expect(await db.schedules.run(made.id)).toMatchObject({ lastStatus: 'ok', lastRowsWritten: 1 })
  expect((await db.query('SELECT n, bytes FROM t WHERE n = 7')).data).toEqual([{ n: 7, bytes: params[1] }])
  const changed = await db.schedules
    .update(made.id, { sql: 'SELECT nope FROM t', params: [] })
    .catch(({ code }) => code)
  expect(changed).toBe('sql_error')
  expect(await db.schedules.update(made.id, { enabled: false })).toMatchObject({ enabled: false, nextRunAt: null })
  expect((await db.schedules.list()).map(({ name }) => name)).toEqual(['tick'])
  expect(await db.schedules.delete(made.id)).toEqual({ deleted: true })
  expect(await db.schedules.list()).toEqual([])
})
