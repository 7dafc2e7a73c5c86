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

test('a branch is claimed with a token shown once, previewed, merged, and the merge can be undone', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform)
  const query = sqlAs(page, ns)
  await query('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)')
  await query("INSERT INTO t VALUES (1, 'parent')")
  await go(`/${ns}/main/branches`)
  await page.getByText('No branches yet').first().waitFor()
  await page.getByRole('button', { name: 'Create branch' }).first().click()
  await page.getByRole('textbox', { name: 'Branch' }).fill('fix/names')
  await page.keyboard.press('Enter')
  const token = await page.getByText(/^psql_live_/).textContent()
  expect(token).toMatch(/^psql_live_\w+/)
  expect(await faultsOf(page)).toEqual([])
  await page.getByRole('button', { name: 'Done' }).click()
  await page.reload()
  const link = page.getByRole('link', { name: 'fix/names' })
  await link.waitFor()
  expect(await page.content()).not.toContain(token)
  const slug = (await link.getAttribute('href'))?.split('/').at(-1) as string

  const inBranch = sqlAs(page, ns, slug)
  await inBranch('CREATE TABLE added (b)')
  await inBranch("INSERT INTO t VALUES (1, 'branch'), (2, 'new')")
  await page.getByRole('button', { name: 'Actions for fix/names' }).click()
  await page.getByRole('menuitem', { name: 'Merge into main' }).click()
  await page.getByText('CREATE TABLE added (b)').first().waitFor()
  await page.getByRole('heading', { name: 't {"id":1}' }).waitFor()
  expect(await page.getByRole('button', { name: 'Merge rows' }).isDisabled()).toBe(true)
  expect(await faultsOf(page)).toEqual([])

  await page.getByRole('button', { name: 'Merge schema' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Merge schema' }).click()
  await page.getByText('Branch merged.').first().waitFor()
  expect(await query('SELECT count(*) FROM added')).toEqual([[0]])
  await page.getByLabel('If both sides changed a row').selectOption('branch')
  await page.waitForURL(/side=branch/)
  await page.getByRole('button', { name: 'Merge rows' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Merge rows' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect(await query('SELECT a FROM t ORDER BY id')).toEqual([['branch'], ['new']])

  await page.getByRole('link', { name: 'Undo merge' }).click()
  await page.getByLabel('Type main to confirm').fill('main')
  await page.keyboard.press('Enter')
  await page.getByText('Database restored.').first().waitFor()
  expect(await query('SELECT a FROM t ORDER BY id')).toEqual([['parent']])
  expect(complaints).toEqual([])
  await close()
})

test('rows that were merged and then deleted in the branch are shown before they go', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform, { width: 390, theme: 'dark' })
  const query = sqlAs(page, ns)
  await query('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)')
  const slug = await page.evaluate(async (path) => {
    const body = JSON.stringify({ ref: 'work', ttlSec: 0 })
    return (await (await fetch(path, { method: 'POST', body })).json()).data.databaseSlug
  }, `/api/namespaces/${ns}/databases/main/claim_branch`)
  const inBranch = sqlAs(page, ns, slug)
  const merged = async () => {
    await page.getByRole('button', { name: 'Merge rows' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Merge rows' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByText('Branch merged.').first().waitFor()
  }
  await inBranch("INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')")
  await go(`/${ns}/main/branches/merge/work`)
  await merged()
  await inBranch('DELETE FROM t WHERE id = 2')
  await inBranch("UPDATE t SET a = 'branch' WHERE id = 3")
  await inBranch('DELETE FROM t WHERE id = 1')
  await query("UPDATE t SET a = 'parent' WHERE id = 1")
  await go(`/${ns}/main/branches/merge/work`)
  await page.getByRole('heading', { name: 'Rows to delete from main' }).waitFor()
  await page.getByText('{"id":2,"a":"two"}').waitFor()
  await page.getByText('Deleted in the branch, changed in the parent').waitFor()
  expect(await faultsOf(page)).toEqual([])
  expect(await page.getByRole('button', { name: 'Merge rows' }).isDisabled()).toBe(true)
  const side = page.getByLabel('If both sides changed a row')
  await side.focus()
  await side.selectOption('branch')
  await page.waitForURL(/side=branch/)
  await page.getByText('The branch deleted 2 rows since the last merge.').waitFor()
  await page.getByText('Branch (used)').waitFor()
  expect(await side.evaluate((select) => select === document.activeElement)).toBe(true)
  await page.getByRole('button', { name: 'Merge rows' }).click()
  await page.getByText('2 rows will be deleted from main.').waitFor()
  await page.keyboard.press('Escape')
  await merged()
  expect(await query('SELECT id, a FROM t')).toEqual([[3, 'branch']])
  expect(complaints).toEqual([])
  await close()
})

test('rows that need the schema of the branch are merged after it, and the page says so', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform)
  const query = sqlAs(page, ns)
  await query('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)')
  const ref = 'fix#1/100%2F/ветка'
  const slug = await page.evaluate(
    async ([path, body]) => (await (await fetch(path, { method: 'POST', body })).json()).data.databaseSlug,
    [`/api/namespaces/${ns}/databases/main/claim_branch`, JSON.stringify({ ref, ttlSec: 0 })] as const,
  )
  const inBranch = sqlAs(page, ns, slug)
  await inBranch('CREATE TABLE added (id INTEGER PRIMARY KEY, b TEXT)')
  await inBranch("INSERT INTO added (b) VALUES ('x'), ('y')")
  await go(`/${ns}/main/branches`)
  await page.getByRole('button', { name: `Actions for ${ref}` }).click()
  await page.getByRole('menuitem', { name: 'Merge into main' }).click()
  await page.getByRole('heading', { name: `Merge ${ref} into main` }).waitFor()
  const first = page.getByRole('button', { name: 'Merge the schema first' })
  await first.waitFor()
  expect(await first.isDisabled()).toBe(true)
  await page.getByText('Merge the schema first. These rows depend on it: added.').waitFor()
  expect(await page.getByRole('button', { name: 'Merge rows' }).count()).toBe(0)
  expect(await faultsOf(page)).toEqual([])

  await page.getByRole('button', { name: 'Merge schema', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Merge schema' }).click()
  await page.getByText('Branch merged.').first().waitFor()
  await page.getByRole('button', { name: 'Merge rows' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Merge rows' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect(await query('SELECT b FROM added ORDER BY id')).toEqual([['x'], ['y']])
  expect(complaints).toEqual([])
  await close()
})

test('data that a merge would lose is marked and the name asked for; a branch is reset and deleted', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform, { width: 390, theme: 'dark' })
  const query = sqlAs(page, ns)
  await query('CREATE TABLE t (a)')
  await query('INSERT INTO t VALUES (1)')
  const slug = await page.evaluate(async (path) => {
    const body = JSON.stringify({ ref: 'work', ttlSec: 0 })
    return (await (await fetch(path, { method: 'POST', body })).json()).data.databaseSlug
  }, `/api/namespaces/${ns}/databases/main/claim_branch`)
  await sqlAs(page, ns, slug)('DROP TABLE t')
  await go(`/${ns}/main/branches/merge/work`)
  await page.getByText('Deletes data', { exact: true }).first().waitFor()
  expect(await faultsOf(page)).toEqual([])
  await page.getByRole('button', { name: 'Merge schema' }).click()
  expect(await page.getByRole('dialog').getByRole('button', { name: 'Merge schema' }).isDisabled()).toBe(true)
  expect(await faultsOf(page)).toEqual([])
  await page.keyboard.press('Escape')

  await go(`/${ns}/${slug}/branches`)
  await page.getByRole('link', { name: 'View branches of main' }).click()
  await page.getByRole('button', { name: 'Actions for work' }).click()
  await page.getByRole('menuitem', { name: 'Reset' }).click()
  await page.getByRole('button', { name: 'Reset branch' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  expect(await sqlAs(page, ns, slug)('SELECT count(*) FROM t')).toEqual([[0]])
  await page.getByRole('button', { name: 'Actions for work' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByLabel('Type work to confirm').fill('work')
  await page.getByRole('button', { name: 'Delete branch' }).click()
  await page.getByText('No branches yet').first().waitFor()
  expect(complaints).toEqual([])
  await close()
})
