import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform } from '../harness.ts'
import { findFaults } from './axe.ts'
import { useConsole } from './use-console.ts'
import type { Visit } from './visit.ts'

const instance = useConsole(() => startPlatform({ environment: { PERSQL_DEV: '1' } }))
const { visit } = instance
let server: Server
let here: Visit
const received: { type: string; signature: unknown }[] = []
let answer = 200
beforeAll(async () => {
  server = createServer(async (request, response) => {
    const body = JSON.parse((await request.toArray()).join(''))
    received.push({ type: body.type, signature: request.headers['x-persql-signature'] })
    response.writeHead(answer).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  here = await visit()
  await sql('CREATE TABLE notes (id INTEGER PRIMARY KEY, author, text)')
})
afterAll(() => void server.close())

/** Runs a statement as the signed-in user and returns the response body. */
const sql = async (text: string) =>
  (await here.session.request(`/api/namespaces/${here.ns}/databases/main/query`, { body: { sql: text } })).body
const go = (path: string) => here.go(`/${here.ns}/main/${path}`)
const click = (name: string) => here.page.getByRole('button', { name, exact: true }).click()
const choose = async (of: string, name: string) => {
  await click(`Actions for ${of}`)
  await here.page.getByRole('menuitem', { name }).click()
}
const says = (text: string | RegExp) => here.page.getByText(text).first().waitFor()
async function isFine() {
  expect(await findFaults(here.page)).toEqual([])
  expect(here.complaints).toEqual([])
}

test('a schedule is made, run by hand, paused, resumed, changed and deleted', async () => {
  const { page } = here
  await go('schedules')
  await page.getByRole('button', { name: 'New schedule' }).first().click()
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('note')
  await page.getByLabel('SQL', { exact: true }).fill('INSERT INTO notes (author, text) VALUES (?, ?)')
  await page.getByLabel('Run every').fill('5')
  await page.getByLabel('Unit').selectOption('minutes')
  await page.getByLabel('Parameters').fill('["ada", 7')
  await says('Not a JSON array.')
  await page.getByLabel('Parameters').fill('["ada", 7]')
  await click('Create schedule')
  await says('every 5 minutes')
  await choose('note', 'Run now')
  await says('“note” ran.')
  await says('1 row written')
  expect((await sql('SELECT author, text FROM notes')).data.rows).toEqual([['ada', 7]])
  await choose('note', 'Pause')
  await says('“note” paused.')
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByText('Paused', { exact: true }).waitFor({ state: 'detached' })
  await choose('note', 'Edit')
  await page.getByLabel('SQL', { exact: true }).fill('INSERT INTO gone VALUES (?)')
  await click('Save schedule')
  await page.getByRole('alert').filter({ hasText: 'gone' }).waitFor()
  expect(await findFaults(page)).toEqual([])
  await click('Cancel')
  await choose('note', 'Delete')
  await says('No schedules yet')
  await click('Undo')
  await says('Undone.')
  await says('every 5 minutes')
  await choose('note', 'Delete')
  await says('No schedules yet')
  here.complaints.length = 0
})

test('a webhook is made and tested, posts changes, and what failed is posted again', async () => {
  const { page } = here
  await go('webhooks')
  await page.getByRole('button', { name: 'New webhook' }).first().click()
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('chat')
  await page.getByLabel('URL').fill(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  await page.getByLabel('Tables').fill('notes')
  await click('Create webhook')
  await page.getByRole('heading', { level: 1, name: 'chat' }).waitFor()
  await click('Send test event')
  await says('Test event delivered (200).')
  expect(received).toEqual([{ type: 'test', signature: expect.any(String) }])
  await click('Show secret')
  const secret = await page.getByRole('region', { name: 'Signing secret' }).textContent()
  expect(secret).toMatch(/^whsec_[0-9A-Za-z]{64}$/)
  await click('Rotate secret')
  await page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' }).click()
  await says('Signing secret rotated.')
  expect(await page.getByRole('region', { name: 'Signing secret' }).textContent()).not.toBe(secret)
  answer = 500
  await sql("INSERT INTO notes (text) VALUES ('hello')")
  await says('Pending 500')
  answer = 200
  await click('Redeliver')
  await says('Delivered 200')
  expect(received.at(-1)).toMatchObject({ type: 'row.change' })
  await isFine()
  await click('Pause')
  await says('Paused')
  await click('Delete')
  await click('Delete webhook')
  await says('No webhooks yet')
})

test('a rule holds back writes until it is deleted', async () => {
  const { page } = here
  await go('approvals')
  await page.getByRole('button', { name: 'New approval rule' }).first().click()
  await page.getByLabel('Tables').fill('note*')
  await page.getByLabel('Action').selectOption('Require approval')
  await page.getByLabel('Note').fill('Ask Ada')
  await click('Add rule')
  await says('Ask Ada')
  await isFine()
  const { code, approvalUrl } = await sql('DELETE FROM notes WHERE id = 1')
  expect(code, approvalUrl).toBe('approval_required')
  here.complaints.length = 0
  await click('Delete rule for note*')
  await click('Delete rule')
  await says('No approval rules yet')
  expect((await sql('DELETE FROM notes WHERE id = 1')).success).toBe(true)
})

test('a hostname shows the DNS records to set and that they are missing', async () => {
  const { page } = here
  await go('hostnames')
  await page.getByRole('button', { name: 'Add hostname' }).first().click()
  await page.getByRole('textbox', { name: 'Hostname' }).fill('api.persql-test.example')
  await page.getByRole('dialog').getByRole('button', { name: 'Add hostname' }).click()
  await says('_persql.api.persql-test.example')
  await isFine()
  await page.getByRole('button', { name: 'Copy value of TXT' }).click()
  await says('Copied')
  await click('Delete api.persql-test.example')
  await page.getByLabel('Type api.persql-test.example to confirm').fill('api.persql-test.example')
  await click('Delete hostname')
  await says('No custom hostnames yet')
})

test('insights show all statements of the transaction of one that failed', async () => {
  const { page } = here
  const made = await here.session.request(`/api/namespaces/${here.ns}/tokens`, { body: { name: 'app', role: 'admin' } })
  const { token } = made.body.data
  const statements = [{ sql: 'SELECT 1 AS fine' }]
  const path = `/v1/db/${here.ns}/main/transactions`
  const begun = await instance.platform.request(path, { token, body: { statements } })
  const { id } = begun.body.data
  const failing = [{ sql: 'SELECT * FROM missing_in_transaction' }]
  await instance.platform.request(`${path}/${id}/statements`, { token, body: { step: 1, statements: failing } })
  await sql('SELECT * FROM missing_outside')
  here.complaints.length = 0
  await go('insights')
  const row = (text: string) => page.getByRole('row').filter({ hasText: text })
  await row('missing_outside').waitFor()
  await row('missing_in_transaction').getByRole('link', { name: id }).click()
  await row('SELECT 1 AS fine').getByText('Succeeded').waitFor()
  await row('missing_outside').waitFor({ state: 'detached' })
  await isFine()
  await page.getByRole('link', { name: 'Show all transactions' }).click()
  await row('missing_outside').waitFor()
  expect(new URL(page.url()).search).toBe('')
})

test('insights show what failed, and make an index that a statement lacks', async () => {
  const { page } = here
  await sql('CREATE TABLE orders (id INTEGER PRIMARY KEY, customer)')
  await sql(`WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5000)
    INSERT INTO orders (customer) SELECT n FROM c`)
  for (let i = 0; i < 3; i++) await sql('SELECT * FROM orders WHERE customer = 7')
  await sql('SELECT * FROM nowhere')
  here.complaints.length = 0
  await go('insights')
  const failed = page.getByRole('row').filter({ hasText: 'SELECT * FROM nowhere' })
  await failed.getByText('no such table').first().waitFor()
  await page.getByLabel('Show').selectOption('Slow only')
  await failed.waitFor({ state: 'detached' })
  expect(new URL(page.url()).search).toBe('?show=slow')
  await click('Find missing indexes')
  const advice = page.getByRole('region', { name: /CREATE INDEX.*orders.*customer/ }).first()
  await advice.waitFor()
  await isFine()
  await advice.getByRole('button', { name: 'Create index' }).click()
  await says('Index created.')
  const plan = await sql('EXPLAIN QUERY PLAN SELECT * FROM orders WHERE customer = 7')
  expect(JSON.stringify(plan.data.rows)).toContain('INDEX')
})
