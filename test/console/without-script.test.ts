import type { Page } from 'playwright-core'
import { beforeAll, expect, test } from 'vitest'
import { openPage } from '../browser.ts'
import type { PlatformClient } from '../harness.ts'
import { uniqueName } from '../shared-platform.ts'
import { findFaults } from './axe.ts'
import { useConsole } from './use-console.ts'

type Session = Awaited<ReturnType<PlatformClient['signUp']>>
const PASSWORD = 'correct horse battery'

const app = useConsole()
const ns = uniqueName('owner')
let owner: Session
beforeAll(async () => {
  owner = await app.platform.signUp(`${ns}@example.com`)
})

const withoutScript = async () => {
  const context = await app.browser.newContext({ javaScriptEnabled: false })
  const page = await openPage(context)
  return { page, close: () => context.close() }
}

async function signIn(page: Page, email: string): Promise<void> {
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

const invited = async (email: string) => {
  const { body } = await owner.request(`/api/namespaces/${ns}/invitations`, { body: { email, role: 'editor' } })
  return new URL(body.data.link).pathname
}

/** Requests approval of a write and returns the path of the approval page. */
async function asked(): Promise<string> {
  const base = `/api/namespaces/${ns}/databases/main`
  await owner.request(`${base}/query`, { body: { sql: 'CREATE TABLE IF NOT EXISTS bills (n, text)' } })
  await owner.request(`${base}/approval_rules`, {
    body: { tableGlob: 'bills', action: 'require_approval', note: 'Ask <us>' },
  })
  const { body } = await owner.request(`${base}/query`, {
    body: { sql: "INSERT INTO bills VALUES (?, '<b>')", params: [7] },
  })
  return new URL(body.approvalUrl).pathname
}

test('an invitation is accepted by signing up and one button, and leads into the namespace', async () => {
  const email = `${uniqueName('guest')}@example.com`
  const { page, close } = await withoutScript()
  await page.goto(app.platform.url + (await invited(email)))
  await page.getByRole('link', { name: 'Create account' }).click()
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByRole('heading', { name: `Join ${ns} on PerSQL` }).waitFor()
  await page.getByRole('button', { name: 'Accept invitation' }).click()
  await page.waitForURL(`**/${ns}`)
  const { body } = await owner.request(`/api/namespaces/${ns}/members`)
  expect(body.data.map(({ email }: { email: string }) => email)).toContain(email)
  await close()
})

test('an approval shows what is asked for, as text, and is given with a button', async () => {
  const path = await asked()
  const { page, close } = await withoutScript()
  await page.goto(app.platform.url + path)
  expect(await page.content()).not.toContain('bills')
  await signIn(page, owner.email)
  await page.getByText("INSERT INTO bills VALUES (?, '<b>')").first().waitFor()
  await page.getByText('[7]').first().waitFor()
  await page.getByText(`${owner.email} wants to run:`).first().waitFor()
  await page.getByText('Ask <us>').first().waitFor()
  expect(await page.locator('main b, us').count()).toBe(0)
  await page.getByLabel('Note (optional)').fill('go on')
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('heading', { name: 'Approved' }).waitFor()
  const decided = await owner.request(`/api/approvals/${path.split('/').at(-1)}`)
  expect(decided.body.data).toMatchObject({ status: 'approved', note: 'go on', decidedBy: `user:${owner.userId}` })
  await page.goto(app.platform.url + path)
  await page.getByText('Approved. The requester can now run it once.').first().waitFor()
  expect(await page.getByRole('button', { name: 'Deny' }).count()).toBe(0)
  await close()
})

test('forms count for whom they were made, on our own pages only', async () => {
  const path = await asked()
  const invitation = await invited(`${uniqueName('other')}@example.com`)
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const post = (to: string, body: string, headers: Record<string, string> = {}) =>
    owner.request(to, { method: 'POST', body, headers: { ...form, ...headers } })
  const state = /name="state" value="([^"]+)"/.exec((await owner.request(path)).body)?.[1]
  const signed = `state=${state}&decision=approve`
  expect((await post(path, signed, { origin: 'https://evil.example' })).status).toBe(403)
  expect((await post(path, 'decision=approve')).status).toBe(400)
  expect((await post(invitation, signed)).status).toBe(400)
  const other = await app.platform.signUp(`${uniqueName('stranger')}@example.com`)
  expect((await other.request(path, { method: 'POST', body: signed, headers: form })).status).toBe(400)
  expect((await other.request(path)).status).toBe(404)
  expect((await app.platform.request(path, { method: 'POST', body: signed, headers: form })).status).toBe(401)
  expect((await owner.request(`/api/approvals/${path.split('/').at(-1)}`)).body.data.status).toBe('pending')
  expect((await post(path, signed)).status).toBe(200)
})

test('the approval page is accessible', async () => {
  const context = await app.browser.newContext({ colorScheme: 'dark' })
  const page = await openPage(context)
  await page.goto(app.platform.url + (await asked()))
  expect(await findFaults(page)).toEqual([])
  await signIn(page, owner.email)
  await page.getByRole('button', { name: 'Deny' }).waitFor()
  expect(await findFaults(page)).toEqual([])
  await context.close()
})
