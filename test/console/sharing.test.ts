import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startBrowser } from '../browser.ts'
import { type SharedPlatform, sharedPlatform } from '../shared-platform.ts'
import { sqlAs } from './sql.ts'
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

test('a viewer is offered to look, and to edit the one database that is shared with them', async () => {
  const owner = await visit(browser, platform)
  const viewer = await visit(browser, platform)
  const { ns } = owner
  const ask = (from: typeof owner, path: string, body: object) =>
    from.page.evaluate(
      async ([to, sent]) => {
        const answer = await (await fetch(to, { method: 'POST', body: sent })).json()
        if (!answer.success) throw new Error(JSON.stringify(answer))
        return answer.data
      },
      [path, JSON.stringify(body)] as const,
    )
  const { link } = await ask(owner, `/api/namespaces/${ns}/invitations`, { email: viewer.email, role: 'viewer' })
  await ask(viewer, `/api/invitations/${link.split('/').at(-1)}/accept`, {})
  await ask(owner, `/api/namespaces/${ns}/databases`, { slug: 'other' })
  for (const db of ['main', 'other']) await sqlAs(owner.page, ns, db)('CREATE TABLE notes (id INTEGER PRIMARY KEY, t)')
  await sqlAs(owner.page, ns)("INSERT INTO notes (t) VALUES ('first')")
  await ask(owner, `/api/namespaces/${ns}/databases/main/shares`, { email: viewer.email, role: 'editor' })

  const { page, go, complaints } = viewer
  await go(`/${ns}/other/tables/notes`)
  await page.getByText("Viewers can't edit rows.").first().waitFor()
  expect(await page.getByRole('button', { name: 'Add row' }).count()).toBe(0)
  await go(`/${ns}/other/query?sql=${encodeURIComponent('DELETE FROM notes')}`)
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByRole('alert').getByText('Your role is viewer. You need the editor role to change data.').waitFor()
  complaints.length = 0
  for (const path of ['?new=', '?fork=other', '/other/overview?fork=other', '/other/schema?edit=notes']) {
    await go(`/${ns}${path}`)
    expect(await page.getByRole('dialog').count(), path).toBe(0)
  }
  await go(`/${ns}/main/tables/notes`)
  await page.getByRole('button', { name: 'Add row' }).click()
  await page.getByLabel('t', { exact: true }).fill('of a viewer')
  await page.getByRole('dialog').getByRole('button', { name: 'Add row' }).click()
  await page.getByRole('button', { name: 'Review 1 change' }).click()
  await page.getByRole('button', { name: 'Save 1 change' }).dblclick()
  await page.getByText('1 change saved.').first().waitFor()
  await page.getByRole('grid').getByText('of a viewer').first().waitFor()
  expect(await sqlAs(owner.page, ns)('SELECT t FROM notes')).toEqual([['first'], ['of a viewer']])
  expect(complaints).toEqual([])
  await Promise.all([owner.close(), viewer.close()])
})
