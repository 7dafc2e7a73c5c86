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

test('tables stand in a diagram and a list, are described, and a finding is mended', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform)
  const query = sqlAs(page, ns)
  await go(`/${ns}/main/schema`)
  await page.getByText('No tables yet').first().waitFor()
  await query('CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, boss INTEGER REFERENCES users (id))')
  await query('CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id))')
  await query('CREATE TABLE alone (a TEXT)')
  await go(`/${ns}/main/schema`)
  const diagram = page.getByRole('region', { name: /^Schema diagram/ })
  await diagram.getByRole('link', { name: 'orders' }).waitFor()
  expect(await diagram.locator('path').count()).toBe(2)
  await page.getByRole('list', { name: 'Issues' }).waitFor()
  expect(await faultsOf(page)).toEqual([])

  const place = () => diagram.getByRole('link', { name: 'users' }).boundingBox()
  const before = await place()
  await diagram.focus()
  await page.keyboard.press('ArrowRight')
  expect((await place())?.x).toBeLessThan(before?.x as number)
  await page.keyboard.press('0')
  await page.keyboard.press('+')
  expect((await place())?.width).toBeGreaterThan(before?.width as number)
  await page.getByRole('button', { name: 'Fit to view' }).click()
  await diagram.getByRole('link', { name: 'orders' }).press('Enter')
  expect(new URL(page.url()).searchParams.get('table')).toBe('orders')

  await page.getByRole('button', { name: 'Edit description of orders' }).click()
  await page.getByLabel('What is this table for?').fill('What people bought')
  await page.getByLabel('Column user_id').fill('Who bought it')
  expect(await faultsOf(page)).toEqual([])
  await page.getByRole('button', { name: 'Save description' }).click()
  const orders = page.getByRole('region', { name: 'Table orders' })
  await orders.getByText('What people bought').first().waitFor()
  await orders.getByRole('cell', { name: 'Who bought it' }).waitFor()
  await page.getByRole('button', { name: 'Edit database description' }).click()
  await page.getByLabel('What is this database for?').fill('A shop')
  await page.getByRole('button', { name: 'Save description' }).click()
  await page.getByText('A shop').first().waitFor()
  await orders.getByText('What people bought').first().waitFor()

  const finding = page.getByRole('listitem').filter({ hasText: 'orders.user_id' }).filter({ hasText: 'CREATE INDEX' })
  await finding.getByRole('button', { name: 'Run fix' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Run fix' }).click()
  await finding.waitFor({ state: 'detached' })
  expect(await query("SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'orders'")).toEqual([[1]])
  expect(complaints).toEqual([])
  await close()
})

test('on a phone the list says it all', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform, { width: 390, theme: 'dark' })
  const query = sqlAs(page, ns)
  await query('CREATE TABLE users (id INTEGER PRIMARY KEY)')
  await query('CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id) ON DELETE CASCADE)')
  await go(`/${ns}/main/schema`)
  await page.getByText('references').first().waitFor()
  expect(await page.getByRole('region', { name: /^Schema diagram/ }).isVisible()).toBe(false)
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
  expect(await faultsOf(page)).toEqual([])
  expect(complaints).toEqual([])
  await close()
})
