import { beforeAll, expect, test } from 'vitest'
import { findFaults } from './axe.ts'
import { useConsole } from './use-console.ts'
import { join, type Visit } from './visit.ts'

const { visit } = useConsole()
let owner: Visit
let main: string
beforeAll(async () => {
  owner = await visit()
  main = `/api/namespaces/${owner.ns}/databases/main`
  await owner.sql('CREATE TABLE bills (n)')
  await owner.api('POST', `${main}/approval_rules`, {
    tableGlob: 'bills',
    action: 'require_approval',
    note: 'Ask Ada',
  })
})

/** Requests approval of a write as the owner. */
async function asks(sql: string): Promise<string> {
  const { approvalToken } = (await owner.session.request(`${main}/query`, { body: { sql } })).body
  expect(approvalToken).toMatch(/^appr_/)
  return approvalToken
}

/** Creates an invited member. */
async function colleague(role: string): Promise<Visit> {
  const guest = await visit()
  await join(owner, guest, role)
  return guest
}

test('a pending request appears automatically, is viewed and approved, and stays in the list', async () => {
  const { page, ns, go, complaints } = owner
  await go(`/${ns}/main/approvals`)
  await page.getByText('No pending requests.').waitFor()
  const token = await asks("INSERT INTO bills VALUES ('<b>1</b>')")
  complaints.length = 0
  await page.getByRole('button', { name: /^Review INSERT/ }).click()
  const dialog = page.getByRole('dialog', { name: 'Approval request' })
  await dialog.getByText("INSERT INTO bills VALUES ('<b>1</b>')").waitFor()
  await dialog.getByText('Ask Ada').waitFor()
  await dialog.getByText(owner.email).waitFor()
  expect(new URL(page.url()).searchParams.get('request')).toBe(token)
  expect(await findFaults(page)).toEqual([])
  await dialog.getByLabel('Note').fill('Go on')
  await dialog.getByRole('button', { name: 'Approve' }).click()
  await page.getByText('Approved. The requester can now run it once.').first().waitFor()
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('button', { name: /^View INSERT/ }).click()
  await page.getByText(`Approved by ${owner.email}. It runs once, when the requester redeems it. Note: Go on`).waitFor()
  await page.keyboard.press('Escape')
  expect(await findFaults(page)).toEqual([])
  expect(complaints).toEqual([])
})

test('an editor can deny, a viewer sees who can decide, and a late decision is rejected', async () => {
  const token = await asks('DELETE FROM bills')
  const at = `/${owner.ns}/main/approvals?request=${token}`
  const viewer = await colleague('viewer')
  await viewer.go(at)
  await viewer.page.getByText('You need the editor role to decide.').first().waitFor()
  expect(await viewer.page.getByRole('button', { name: 'Approve' }).count()).toBe(0)
  // A viewer with edit access to this database can approve.
  await owner.api('POST', `${main}/shares`, { email: viewer.email, role: 'editor' })
  await viewer.go(at)
  await viewer.page.getByRole('button', { name: 'Approve' }).waitFor()
  await viewer.close()
  const editor = await colleague('editor')
  await editor.go(at)
  await editor.page.getByRole('button', { name: 'Deny' }).waitFor()
  // The page refreshes automatically, so freeze its data until the click.
  const known = (await editor.session.request(`/api/approvals/${token}`)).body
  await editor.page.route(`**/api/approvals/${token}`, (route) => route.fulfill({ json: known }))
  await owner.api('POST', `/api/approvals/${token}/approve`, {})
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
  await page.getByText('Ask the requester to send the write again.').first().waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  complaints.length = 0
})
