import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startBrowser } from '../browser.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { faultsOf } from './axe.ts'
import { sqlAs } from './sql.ts'
import { visit } from './visit.ts'

let platform: TestPlatform
let browser: Browser
beforeAll(async () => {
  ;[platform, browser] = await Promise.all([startPlatform(), startBrowser()])
})
afterAll(async () => {
  await browser.close()
  await platform.stop()
})

const FILL =
  'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO t SELECT i FROM n'

test('databases are listed with size, rows and use, sorted as the address says, and the overview says the same', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform)
  const cells = async (name: string) =>
    (await page.getByRole('row', { name }).getByRole('cell').allTextContents()).slice(0, 2)
  const order = async () => {
    const links = page.getByRole('region', { name: 'Databases' }).getByRole('rowheader').getByRole('link')
    return links.allTextContents()
  }
  const query = sqlAs(page, ns)
  await query('CREATE TABLE t (a)')
  await query(FILL)
  await page.evaluate(async (ns) => {
    const body = JSON.stringify({ slug: 'bare' })
    await fetch(`/api/namespaces/${ns}/databases`, { method: 'POST', body })
  }, ns)
  await expect
    .poll(
      async () => {
        await go(`/${ns}`)
        return cells('main')
      },
      { timeout: 60_000 },
    )
    .toEqual([expect.stringMatching(/^\d+(\.\d)? KB$/), '3K'])
  expect(await cells('bare')).toEqual(['0 B', '0'])
  expect(await order()).toEqual(['bare', 'main'])
  await page.getByRole('button', { name: 'Size' }).click()
  await page.waitForURL('**?sort=-size')
  expect(await order()).toEqual(['main', 'bare'])
  expect(await page.getByRole('columnheader', { name: 'Size' }).getAttribute('aria-sort')).toBe('descending')
  await page.getByRole('button', { name: 'Size' }).click()
  await page.waitForURL('**?sort=size')
  await page.reload()
  await page.getByRole('link', { name: 'bare', exact: true }).waitFor()
  expect(await order()).toEqual(['bare', 'main'])
  expect(await page.getByRole('row', { name: 'bare' }).getByText('Never').isVisible()).toBe(true)
  expect(await faultsOf(page)).toEqual([])
  const [size] = await cells('main')
  await go(`/${ns}/main/overview`)
  const figures = page.getByRole('region', { name: 'Database statistics' })
  await figures.getByText(size as string, { exact: true }).waitFor()
  await figures.getByText('3,000', { exact: true }).waitFor()
  expect(await faultsOf(page)).toEqual([])
  expect(complaints).toEqual([])
  await close()
})

test('a database is forked with its rows for a week, and one is led to the fork', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform, { width: 390, theme: 'dark' })
  const query = sqlAs(page, ns)
  await query('CREATE TABLE t (a)')
  await query('INSERT INTO t VALUES (1), (2), (3)')
  await go(`/${ns}`)
  await page.getByRole('button', { name: 'Actions for main' }).click()
  await page.getByRole('menuitem', { name: 'Fork with data' }).click()
  expect(new URL(page.url()).search).toBe('?fork=main')
  const name = page.getByLabel('Name', { exact: true })
  expect(await name.inputValue()).toBe('main-copy')
  await name.fill('main')
  await page.getByLabel('Expires after').selectOption('7 days')
  await page.getByRole('button', { name: 'Fork database' }).click()
  await page.getByRole('alert').getByText('slug_taken').first().waitFor()
  expect(await faultsOf(page)).toEqual([])
  await name.fill('what-if')
  await page.getByRole('button', { name: 'Fork database' }).click()
  await page.getByText('3 rows copied.').first().waitFor()
  expect(await faultsOf(page)).toEqual([])
  await page.getByRole('link', { name: 'Open what-if' }).click()
  await page.waitForURL(`**/${ns}/what-if/overview`)
  await page.getByText('Expires').first().waitFor()
  expect(await sqlAs(page, ns, 'what-if')('SELECT count(*) FROM t')).toEqual([[3]])
  expect(complaints.filter((text) => !text.includes('409'))).toEqual([])
  await close()
})

test('a branch is handed off with a secret that is shown once and opens it once', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform)
  const claimed = await page.evaluate(async (ns) => {
    const body = JSON.stringify({ ref: 'task' })
    const answer = await fetch(`/api/namespaces/${ns}/databases/main/claim_branch`, { method: 'POST', body })
    return (await answer.json()).success
  }, ns)
  expect(claimed).toBe(true)
  await go(`/${ns}/main/branches`)
  await page.getByRole('button', { name: 'Actions for task' }).click()
  await page.getByRole('menuitem', { name: 'Hand off' }).click()
  expect(new URL(page.url()).search).toBe('?handoff=task')
  await page.getByLabel('Token access').selectOption('read')
  await page.getByRole('button', { name: 'Create handoff code' }).click()
  const secret = await page
    .getByText(/^phand_\w+$/)
    .first()
    .textContent()
  expect(await faultsOf(page)).toEqual([])
  const redeem = () => platform.request('/v1/handoff/redeem', { body: { token: secret } })
  expect((await redeem()).body.data).toMatchObject({ branchRef: 'task', role: 'read', namespaceSlug: ns })
  expect((await redeem()).status).toBe(404)
  await page.getByRole('button', { name: 'Done' }).click()
  expect(await page.content()).not.toContain(secret)
  expect(complaints).toEqual([])
  await close()
})

test('the session key is rotated, and all sessions are ended when that is asked for', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform)
  await go(`/${ns}/main/endpoints`)
  await page.getByRole('button', { name: 'Rotate session key' }).click()
  expect(new URL(page.url()).search).toBe('?rotate=')
  expect(await faultsOf(page)).toEqual([])
  await page.getByRole('button', { name: 'Rotate key', exact: true }).click()
  await page.getByText('Session key rotated.').first().waitFor()
  await page.getByRole('button', { name: 'Rotate session key' }).click()
  await page.getByLabel('End all active sessions now').check()
  await page.getByRole('button', { name: 'Rotate key and end sessions' }).click()
  await page.getByText('All active sessions were ended.').first().waitFor()
  const rotations = await page.evaluate(async (ns) => {
    const answer = await fetch(`/api/namespaces/${ns}/audit?action=session_key.rotated`)
    return (await answer.json()).data
  }, ns)
  expect(rotations).toMatchObject([{ detail: { endSessions: true } }, { detail: { endSessions: false } }])
  expect(complaints).toEqual([])
  await close()
})

test('a point in time means the newest snapshot before it, which is said before anything is restored', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform)
  const query = sqlAs(page, ns)
  const keep = (label: string) =>
    page.evaluate(
      async ([ns, label]) => {
        const body = JSON.stringify({ label })
        const answer = await fetch(`/api/namespaces/${ns}/databases/main/snapshots`, { method: 'POST', body })
        return (await answer.json()).data.createdAt as string
      },
      [ns, label],
    )
  await query('CREATE TABLE t (a)')
  const empty = await keep('still empty')
  await query('INSERT INTO t VALUES (1), (2)')
  await go(`/${ns}/main/history`)
  await page.getByRole('button', { name: 'Restore to a point in time' }).click()
  const dialog = page.getByRole('dialog')
  const status = dialog.getByRole('status')
  await status.getByText('Snapshot to restore: “still empty”').waitFor()
  expect(await faultsOf(page)).toEqual([])
  await dialog.getByLabel('Restore to').fill('2020-01-01T00:00:00')
  await status.getByText('No snapshot was created before this time.').waitFor()
  await status.getByText('Next snapshot: “still empty”').waitFor()
  expect(await dialog.getByRole('button', { name: 'Continue' }).isDisabled()).toBe(true)
  await dialog.getByRole('button', { name: 'Use this snapshot' }).click()
  await status.getByText('Snapshot to restore: “still empty”').waitFor()
  await dialog.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('Restore snapshot “still empty”?').first().waitFor()
  await page.getByLabel('Type main to confirm').fill('main')
  await page.keyboard.press('Enter')
  await page.getByText('Database restored.').first().waitFor()
  expect(await query('SELECT count(*) FROM t')).toEqual([[0]])
  expect(Date.parse(empty)).toBeLessThan(Date.now())
  expect(complaints).toEqual([])
  await close()
})
