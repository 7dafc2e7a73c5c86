import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startBrowser } from '../browser.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { faultsOf } from './axe.ts'
import { sqlAs } from './sql.ts'
import { type Visit, visit } from './visit.ts'

let platform: TestPlatform
let browser: Browser
let owner: Visit

beforeAll(async () => {
  ;[platform, browser] = await Promise.all([startPlatform(), startBrowser()])
  owner = await visit(browser, platform)
  await sqlAs(owner.page, owner.ns)('CREATE TABLE bills (n)')
  await post(owner.page, '/approval_rules', { tableGlob: 'bills', action: 'require_approval', note: 'Ask Ada' })
})
afterAll(async () => {
  await browser.close()
  await platform.stop()
})

/** Calls the database API of the console as the user of a page. */
const post = (page: Page, path: string, body: object) =>
  page.evaluate(async ({ path, body }) => (await fetch(path, { method: 'POST', body: JSON.stringify(body) })).json(), {
    path: `/api/namespaces/${owner.ns}/databases/main${path}`,
    body,
  })

/** Requests approval of a write as the user of the page. */
async function asks(page: Page, sql: string): Promise<string> {
  const { approvalToken } = await post(page, '/query', { sql })
  expect(approvalToken).toMatch(/^appr_/)
  return approvalToken
}

/** Creates an invited member. */
async function colleague(role: string): Promise<Visit> {
  const email = `${role}${crypto.randomUUID().slice(0, 8)}@example.com`
  const path = `/api/namespaces/${owner.ns}/invitations`
  const link = await owner.page.evaluate(
    async ({ path, email, role }) =>
      (await (await fetch(path, { method: 'POST', body: JSON.stringify({ email, role }) })).json()).data.link as string,
    { path, email, role },
  )
  const guest = await visit(browser, platform, { email })
  await guest.page.evaluate(async (token) => {
    await fetch(`/api/invitations/${token}/accept`, { method: 'POST', body: '{}' })
  }, link.split('/').at(-1))
  return guest
}

test('a pending request appears automatically, is viewed and approved, and stays in the list', async () => {
  const { page, ns, go, complaints } = owner
  await go(`/${ns}/main/approvals`)
  await page.getByText('No pending requests.').waitFor()
  const token = await asks(page, "INSERT INTO bills VALUES ('<b>1</b>')")
  complaints.length = 0
  await page.getByRole('button', { name: /^Review INSERT/ }).click()
  const dialog = page.getByRole('dialog', { name: 'Approval request' })
  await dialog.getByText("INSERT INTO bills VALUES ('<b>1</b>')").waitFor()
  await dialog.getByText('Ask Ada').waitFor()
  await dialog.getByText(owner.email).waitFor()
  expect(new URL(page.url()).searchParams.get('request')).toBe(token)
  expect(await faultsOf(page)).toEqual([])
  await dialog.getByLabel('Note').fill('Go on')
  await dialog.getByRole('button', { name: 'Approve' }).click()
  await page.getByText('Approved. The requester can now run it once.').first().waitFor()
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('button', { name: /^View INSERT/ }).click()
  await page.getByText(`Approved by ${owner.email}. Note: Go on`).waitFor()
  await page.keyboard.press('Escape')
  expect(await faultsOf(page)).toEqual([])
  expect(complaints).toEqual([])
})

test('an editor can deny, a viewer sees who can decide, and a late decision is rejected', async () => {
  const token = await asks(owner.page, 'DELETE FROM bills')
  const at = `/${owner.ns}/main/approvals?request=${token}`
  const viewer = await colleague('viewer')
  await viewer.go(at)
  await viewer.page.getByText('You need the editor role to decide.').first().waitFor()
  expect(await viewer.page.getByRole('button', { name: 'Approve' }).count()).toBe(0)
  // A viewer with edit access to this database can approve.
  await post(owner.page, '/shares', { email: viewer.email, role: 'editor' })
  await viewer.go(at)
  await viewer.page.getByRole('button', { name: 'Approve' }).waitFor()
  await viewer.close()
  const editor = await colleague('editor')
  await editor.go(at)
  await editor.page.getByRole('button', { name: 'Deny' }).waitFor()
  // The page refreshes automatically, so freeze its data until the click.
  const known = await editor.page.evaluate(async (path) => (await fetch(path)).text(), `/api/approvals/${token}`)
  await editor.page.route(`**/api/approvals/${token}`, (route) => route.fulfill({ body: known }))
  const approved = await owner.page.evaluate(
    async (path) => (await fetch(path, { method: 'POST', body: '{}' })).ok,
    `/api/approvals/${token}/approve`,
  )
  expect(approved).toBe(true)
  await editor.page.route(`**/api/approvals/${token}/deny`, async (route) => {
    await editor.page.unroute(`**/api/approvals/${token}`)
    await route.continue()
  })
  await editor.page.getByRole('button', { name: 'Deny' }).click()
  await editor.page.getByText(`Approved by ${owner.email}`).first().waitFor()
  await editor.close()
})

test('a request that is not known says what to do', async () => {
  const { page, ns, go, complaints } = owner
  await go(`/${ns}/main/approvals?request=appr_${ns}.main_${'a'.repeat(32)}`)
  await page.getByText('Ask the requester to submit it again.').first().waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  complaints.length = 0
})
