import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startBrowser } from '../browser.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { faultsOf } from './axe.ts'
import { type Visit, visit } from './visit.ts'

let platform: TestPlatform
let browser: Browser
beforeAll(async () => {
  ;[platform, browser] = await Promise.all([startPlatform(), startBrowser()])
})
afterAll(async () => {
  await browser.close()
  await platform.stop()
})

/** Replaces the text in the editor. */
async function write(page: Page, text: string) {
  await page.getByRole('textbox', { name: 'SQL' }).click()
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(text)
}
const told = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor()
const dialog = (page: Page, name: string) => page.getByRole('dialog', { name })
/** Calls the API as the user of a page. */
const api = (page: Page, method: string, path: string, body?: object) =>
  page.evaluate(
    async ([method, path, body]) => {
      const answer = await fetch(path as string, { method: method as string, ...(body && { body: body as string }) })
      return (await answer.json()).data
    },
    [method, path, body && JSON.stringify(body)],
  )
const pathOf = (ns: string, db = 'main') => `/api/namespaces/${ns}/databases/${db}/saved-queries`
/** Creates a viewer of a namespace. */
async function viewerOf({ page, ns }: Visit): Promise<Visit> {
  const there = await visit(browser, platform)
  const { link } = await api(page, 'POST', `/api/namespaces/${ns}/invitations`, { email: there.email, role: 'viewer' })
  await api(there.page, 'POST', `/api/invitations/${new URL(link).pathname.split('/').at(-1)}/accept`, {})
  return there
}

test('a query is saved by the keyboard, changed, saved as another, found, renamed, deleted and brought back', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform)
  await go(`/${ns}/main/query?see=saved`)
  await dialog(page, 'Saved queries').getByText('No saved queries yet').waitFor()
  expect(await faultsOf(page)).toEqual([])
  await page.keyboard.press('Escape')

  await write(page, 'SELECT 1 AS one')
  await page.keyboard.press('Control+s')
  await dialog(page, 'Save query').waitFor()
  expect(await faultsOf(page)).toEqual([])
  await page.keyboard.type('Revenue by month')
  await page.keyboard.press('Enter')
  await told(page, '“Revenue by month” saved.')
  const id = new URL(page.url()).searchParams.get('saved')
  expect(id).toMatch(/^sq_/)
  const save = page.getByRole('button', { name: 'Save', exact: true })
  await page.getByRole('button', { name: 'Revenue by month', exact: true }).waitFor()
  expect(await save.isDisabled()).toBe(true)

  // Unsaved changes are marked until the query is saved.
  await write(page, 'SELECT 2 AS two')
  await page.getByRole('button', { name: /^Revenue by month.*unsaved changes/ }).waitFor()
  await page.keyboard.press('Control+s')
  await page.getByRole('button', { name: 'Revenue by month', exact: true }).waitFor()
  expect(await api(page, 'GET', pathOf(ns))).toMatchObject([{ id, sql: 'SELECT 2 AS two', version: 2 }])

  await page.getByRole('button', { name: 'Save as…' }).click()
  const name = dialog(page, 'Save query').getByLabel('Name')
  await name.fill('revenue BY month')
  await page.keyboard.press('Enter')
  await told(page, /already exists\. Edit it, or choose another name/)
  await name.fill('Users')
  await page.keyboard.press('Enter')
  await told(page, '“Users” saved.')
  await write(page, 'SELECT 3 AS three')
  await save.click()
  await page.getByRole('button', { name: 'Users', exact: true }).waitFor()

  await page.getByRole('button', { name: 'Saved queries' }).click()
  const list = dialog(page, 'Saved queries')
  await list.getByRole('link', { name: /Users/ }).waitFor()
  expect(await faultsOf(page)).toEqual([])
  await page.keyboard.type('TWO revenue')
  await list.getByRole('link', { name: /Users/ }).waitFor({ state: 'detached' })
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await list.waitFor({ state: 'detached' })
  await told(page, 'SELECT 2 AS two')
  expect(new URL(page.url()).searchParams.get('saved')).toBe(id)

  await page.getByRole('button', { name: 'Saved queries' }).click()
  await page.getByRole('button', { name: 'Actions for Revenue by month' }).click()
  await page.getByRole('menuitem', { name: 'Rename' }).click()
  await list.getByLabel('New name').fill('Turnover')
  await page.keyboard.press('Enter')
  await list.getByRole('link', { name: /Turnover/ }).waitFor()
  await page.getByRole('button', { name: 'Actions for Turnover' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await told(page, '“Turnover” deleted.')
  await told(page, /“Turnover” was deleted\. Its text/)
  expect(await faultsOf(page)).toEqual([])
  await page.getByRole('button', { name: 'Undo' }).click()
  await told(page, '“Turnover” restored.')
  await page.getByText(/“Turnover” was deleted\. Its text/).waitFor({ state: 'detached' })
  const left = await api(page, 'GET', pathOf(ns))
  expect(left).toMatchObject([{ name: 'Turnover', version: 1 }, { name: 'Users' }])
  await page.waitForURL(`**/query?*saved=${left[0].id}*`)
  expect(complaints.filter((text) => !/status of 409/.test(text))).toEqual([])
  await close()
})

test('a link to a saved query opens it for a colleague, who may run it and not change it', async () => {
  const owner = await visit(browser, platform)
  const { ns } = owner
  const made = await api(owner.page, 'POST', pathOf(ns), { name: 'The answer', sql: 'SELECT 6 * 7 AS answer' })
  const { page, go, complaints, close } = await viewerOf(owner)
  await go(`/${ns}/main/query?saved=${made.id}`)
  await page.getByRole('button', { name: 'The answer', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByRole('grid', { name: 'Result' }).getByText('42').first().waitFor()
  await page.reload()
  await told(page, 'SELECT 6 * 7 AS answer')
  expect(await page.getByRole('button', { name: /^Close query/ }).count()).toBe(1)
  expect(await page.getByRole('button', { name: 'Save', exact: true }).count()).toBe(0)
  await write(page, 'SELECT 7')
  await page.keyboard.press('Control+s')
  await told(page, /Only editors can save queries/)
  await page.getByRole('button', { name: 'Saved queries' }).click()
  await dialog(page, 'Saved queries')
    .getByRole('link', { name: /The answer/ })
    .waitFor()
  expect(await page.getByRole('button', { name: /^Actions for/ }).count()).toBe(0)
  expect(await faultsOf(page)).toEqual([])

  await go(`/${ns}/main/query?saved=sq_${'0'.repeat(16)}`)
  await told(page, /Saved query not found/)
  expect(await faultsOf(page)).toEqual([])
  await page.getByRole('button', { name: 'View saved queries' }).click()
  await dialog(page, 'Saved queries').waitFor()
  expect(complaints).toEqual([])
  await close()
  await owner.close()
})

test('changes by another user appear automatically, and are not overwritten unseen', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform)
  const made = await api(page, 'POST', pathOf(ns), { name: 'Shared', sql: 'SELECT 1' })
  await go(`/${ns}/main/query?saved=${made.id}`)
  await told(page, 'SELECT 1')
  await api(page, 'PATCH', `${pathOf(ns)}/${made.id}`, { sql: 'SELECT 2' })
  await page.reload()
  await told(page, 'SELECT 2')

  await write(page, 'SELECT 10')
  await api(page, 'PATCH', `${pathOf(ns)}/${made.id}`, { sql: 'SELECT 3' })
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await told(page, /Someone else changed “Shared”/)
  expect(await api(page, 'GET', pathOf(ns))).toMatchObject([{ sql: 'SELECT 3' }])
  expect(await faultsOf(page)).toEqual([])
  await page.getByRole('button', { name: 'Overwrite with my version' }).click()
  await told(page, '“Shared” saved.')
  expect(await api(page, 'GET', pathOf(ns))).toMatchObject([{ sql: 'SELECT 10' }])

  await write(page, 'SELECT 11')
  await api(page, 'PATCH', `${pathOf(ns)}/${made.id}`, { sql: 'SELECT 4' })
  await page.keyboard.press('Control+s')
  await page.getByRole('button', { name: 'Open their version in a new tab' }).click()
  await told(page, 'SELECT 4')
  await page.getByRole('button', { name: 'SELECT 11', exact: true }).click()
  await page.getByRole('button', { name: 'SELECT 11', pressed: true }).waitFor()

  // A query can replace another one with the same name.
  await page.keyboard.press('Control+s')
  await dialog(page, 'Save query').getByLabel('Name').fill('shared')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Replace query' }).click()
  await dialog(page, 'Save query').waitFor({ state: 'detached' })
  expect(await api(page, 'GET', pathOf(ns))).toMatchObject([{ id: made.id, name: 'Shared', sql: 'SELECT 11' }])
  expect(complaints.filter((text) => !/status of 409/.test(text))).toEqual([])
  await close()
})

test('on a branch, the queries of the database it is a branch of are there', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform)
  await api(page, 'POST', pathOf(ns), { name: 'Of main', sql: 'SELECT 1' })
  const branch = await api(page, 'PUT', `/api/namespaces/${ns}/databases/main/branches/try`, {})
  await go(`/${ns}/${branch.slug}/query`)
  await write(page, 'SELECT 2')
  await page.keyboard.press('Control+s')
  await dialog(page, 'Save query')
    .getByText(/the parent of this branch/)
    .waitFor()
  await page.keyboard.type('From a branch')
  await page.keyboard.press('Enter')
  await told(page, '“From a branch” saved.')
  await page.getByRole('button', { name: 'Saved queries' }).click()
  await dialog(page, 'Saved queries')
    .getByRole('link', { name: /Of main/ })
    .waitFor()
  expect(await api(page, 'GET', pathOf(ns))).toMatchObject([{ name: 'From a branch' }, { name: 'Of main' }])
  expect(complaints).toEqual([])
  await close()
})
