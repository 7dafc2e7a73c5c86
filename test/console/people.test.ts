import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startBrowser } from '../browser.ts'
import { oauthClient } from '../oauth.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'
import { faultsOf } from './axe.ts'
import { visit } from './visit.ts'

let platform: SharedPlatform
let browser: Browser
beforeAll(async () => {
  ;[platform, browser] = await Promise.all([sharedPlatform(), startBrowser()])
})
afterAll(async () => {
  await browser.close()
  await platform.stop()
})

test('a token is made with a narrow scope, shown once, works as it says, and is refused once revoked', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform)
  await go(`/${ns}/settings/tokens`)
  await page.getByText('No tokens yet').first().waitFor()
  await page.getByRole('button', { name: 'New token' }).first().click()
  expect(new URL(page.url()).search).toBe('?new=')
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Reporting')
  await dialog.getByLabel('Role').selectOption('readonly')
  await dialog.getByLabel('Tables').fill('orders, customers')
  await dialog.getByLabel('Expires after').selectOption('30 days')
  expect(await faultsOf(page)).toEqual([])
  let asked = 0
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/tokens')) asked++
  })
  await dialog.getByRole('button', { name: 'Create token' }).dblclick()
  const token = (await dialog.getByText(/^psql_live_/).textContent()) ?? ''
  // A click outside doesn't close a dialog with a secret.
  await page.mouse.click(20, 300)
  const me = await platform.request('/v1/me', { token })
  expect(me.body.data).toMatchObject({ namespaceSlug: ns, role: 'readonly' })
  await dialog.getByRole('button', { name: 'Done' }).click()
  expect(asked).toBe(1)
  const row = page.getByRole('row', { name: /Reporting/ })
  expect(await row.textContent()).toContain('orders, customers')
  expect(await row.textContent()).toContain('in 30 days')
  expect(await page.content()).not.toContain(token)

  await page.getByRole('button', { name: 'Rotate Reporting' }).click()
  await dialog.getByRole('button', { name: 'Rotate token' }).click()
  const rotated = (await dialog.getByText(/^psql_live_/).textContent()) ?? ''
  expect(await faultsOf(page)).toEqual([])
  await dialog.getByRole('button', { name: 'Done' }).click()
  expect((await platform.request('/v1/me', { token })).status).toBe(401)
  expect((await platform.request('/v1/me', { token: rotated })).status).toBe(200)

  await page.getByRole('button', { name: 'Revoke Reporting' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke token' }).click()
  await page.getByText('No tokens yet').first().waitFor()
  expect((await platform.request('/v1/me', { token: rotated })).status).toBe(401)

  const made = await page.request.post(`${platform.url}/api/namespaces/${ns}/tokens`, {
    data: { name: 'Deploys' },
    headers: { origin: platform.url },
  })
  const parent = (await made.json()).data.token
  for (const name of ['Preview', 'Tests']) await platform.request('/v1/tokens', { token: parent, body: { name } })
  await page.reload()
  await page.getByRole('button', { name: 'Revoke Deploys' }).click()
  await dialog.getByText('This also revokes 2 credentials it created.').waitFor()
  await dialog.getByRole('button', { name: 'Revoke token' }).click()
  await page.getByText('Deploys revoked, along with 2 credentials it created.').first().waitFor()
  await page.getByText('No tokens yet').first().waitFor()
  expect(complaints).toEqual([])
  await close()
})

test('a member is invited, joins, becomes an owner, and the audit log names them', async () => {
  const owner = await visit(browser, platform)
  const guest = await visit(browser, platform)
  const { page, ns } = owner
  await owner.go(`/${ns}/settings/members?invite`)
  await page.getByLabel('Email').fill('nobody@example.com')
  await page.getByRole('button', { name: 'Send invitation' }).click()
  await page.getByText("Email isn't set up on this instance").first().waitFor()
  await page.getByRole('button', { name: 'Done' }).click()
  await page.getByRole('button', { name: 'Revoke invitation for nobody@example.com' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke invitation' }).click()
  await page.getByText('No pending invitations.').first().waitFor()

  await page.getByRole('button', { name: 'Invite member', exact: true }).click()
  await page.getByLabel('Email').fill(guest.email)
  await page.getByRole('dialog').getByLabel('Role').selectOption('viewer')
  await page.getByRole('button', { name: 'Send invitation' }).click()
  const link = (await page.getByRole('dialog').getByText('/invite/').textContent()) ?? ''
  await guest.page.goto(link)
  await guest.page.getByRole('button').first().click()
  await guest.page.waitForURL(`**/${ns}**`)
  await guest.go(`/${ns}/settings/tokens`)
  await guest.page.getByText('For admins and owners').first().waitFor()
  await guest.go(`/${ns}/main/endpoints`)
  await guest.page.getByText('No endpoints yet').first().waitFor()
  expect(await guest.page.getByRole('button', { name: 'New endpoint' }).count()).toBe(0)
  await guest.go(`/${ns}/main/webhooks`)
  await guest.page.getByRole('alert').first().waitFor()
  expect(await guest.page.getByRole('button', { name: 'New webhook' }).count()).toBe(0)

  await owner.go(`/${ns}/main/sharing`)
  await page.getByRole('button', { name: 'Give edit access to main' }).click()
  await page.getByRole('row', { name: guest.email }).waitFor()
  await guest.go(`/${ns}/main/endpoints`)
  await guest.page.getByRole('button', { name: 'New endpoint' }).first().waitFor()
  await guest.go(`/${ns}`)
  await guest.page.getByRole('link', { name: 'main' }).first().waitFor()
  expect(await guest.page.getByRole('button', { name: 'New database' }).count()).toBe(0)
  expect(await faultsOf(page)).toEqual([])
  await page.getByRole('button', { name: `Remove access for ${guest.email}` }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove access' }).click()
  await page.getByText('Not shared with anyone').first().waitFor()

  await owner.go(`/${ns}/settings/members`)
  await page.getByRole('button', { name: `Leave ${ns}` }).click()
  await page.getByRole('dialog').getByText('A namespace needs an owner.').first().waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Leave namespace' }).click()
  await page.getByRole('dialog').getByRole('alert').waitFor()
  await page.keyboard.press('Escape')
  await page.getByLabel(`Role of ${guest.email}`).selectOption('admin')
  await page.getByRole('dialog').getByRole('button', { name: 'Change role' }).click()
  await page.getByText(`Role of ${guest.email} changed to admin.`).first().waitFor()

  await owner.go(`/${ns}/settings/audit`)
  await page.getByLabel('Category').selectOption('Members')
  await page.waitForURL('**/audit?action=member')
  const first = page.getByRole('row').nth(1)
  await first.getByText('member.role_changed').click()
  expect(await first.textContent()).toContain(owner.email)
  expect(await first.textContent()).toContain(guest.email)
  expect(await page.getByRole('table').textContent()).not.toContain('share.')
  expect(await faultsOf(page)).toEqual([])

  await owner.go(`/${ns}/settings/members`)
  await page.getByRole('button', { name: `Leave ${ns}` }).click()
  await page
    .getByRole('dialog')
    .getByText(`${guest.email}, the longest-standing admin, becomes the owner.`)
    .first()
    .waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Leave namespace' }).click()
  await page.getByText("You're not in a namespace yet").first().waitFor()
  await guest.go(`/${ns}/settings/members`)
  expect(await guest.page.getByRole('row', { name: guest.email }).textContent()).toContain('Owner')
  await Promise.all([owner.close(), guest.close()])
})

test('the audit log is read page by page, and the place in it stands in the address', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform)
  await page.evaluate(async (ns) => {
    for (let number = 0; number < 60; number++) {
      await fetch(`/api/namespaces/${ns}/tokens`, { method: 'POST', body: JSON.stringify({ name: `t${number}` }) })
    }
  }, ns)
  await go(`/${ns}/settings/audit?action=token`)
  await page.getByRole('row').nth(50).waitFor()
  await page.getByRole('link', { name: 'Older' }).click()
  await page.waitForURL(/audit\?action=token&before=\d+$/)
  await page.getByRole('link', { name: 'Newest' }).waitFor()
  await page.getByRole('row').nth(10).waitFor()
  expect(await page.getByRole('row').count()).toBe(11)
  await page.reload()
  await page.getByRole('row').nth(10).waitFor()
  expect(await page.getByRole('row').count()).toBe(11)
  await page.goBack()
  await page.getByRole('row').nth(50).waitFor()
  expect(complaints).toEqual([])
  await close()
})

test('a connected app is listed, and its token is rejected after its access is revoked', async () => {
  const { page, ns, email, go, complaints, close } = await visit(browser, platform)
  const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
  const session = { ...(await platform.signUp(`${uniqueName('apps')}@example.com`)), cookie }
  const client = oauthClient(platform, session)
  const { access: token } = await client.tokens({ namespace: ns })
  await go(`/${ns}/settings/apps`)
  const row = page.getByRole('row', { name: /Test agent/ })
  expect(await row.textContent()).toContain(email)
  expect(await faultsOf(page)).toEqual([])
  expect(await client.worked(token)).toBe(true)
  await page.getByRole('button', { name: 'Revoke access for Test agent' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke access' }).click()
  await page.getByText('No connected apps yet').first().waitFor()
  expect((await client.query(token)).status).toBe(401)
  expect(complaints).toEqual([])
  await close()
})
