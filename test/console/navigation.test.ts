import { expect, test } from 'vitest'
import { findFaults } from './axe.ts'
import { useConsole } from './use-console.ts'
import type { Visit } from './visit.ts'

const { visit } = useConsole()

/** Opens `main` in a namespace that has two more databases. */
async function arrive(width = 1280): Promise<Visit> {
  const here = await visit({ width })
  for (const slug of ['orders-eu', 'orders-us'])
    await here.api('POST', `/api/namespaces/${here.ns}/databases`, { slug })
  await here.sql('CREATE TABLE invoices (id INTEGER PRIMARY KEY)')
  await here.go(`/${here.ns}/main/overview`)
  return here
}

test('at the side stand all pages in groups, the current one is marked, and a page begins at its top', async () => {
  const { page, ns, complaints, close } = await arrive()
  const side = page.getByRole('navigation', { name: 'Pages of main' })
  expect(await side.getByRole('list').count()).toBe(5)
  expect(await side.getByRole('list', { name: 'API & access' }).getByRole('link').first().textContent()).toBe('Connect')
  await page.evaluate(() => scrollTo(0, 300))
  await side.getByRole('link', { name: 'Schedules' }).click()
  await page.waitForURL(`**/${ns}/main/schedules`)
  await page.getByRole('heading', { level: 1, name: 'Schedules' }).waitFor()
  expect(await side.locator('[aria-current=page]').textContent()).toBe('Schedules')
  expect(await page.evaluate(() => scrollY)).toBe(0)
  expect(await page.title()).toBe('Schedules · main · PerSQL')
  await side.getByRole('link', { name: 'All databases' }).click()
  await page
    .getByRole('navigation', { name: `Pages of ${ns}` })
    .getByRole('link', { name: 'Tokens' })
    .click()
  await page.waitForURL(`**/${ns}/settings/tokens`)
  expect(complaints).toEqual([])
  await close()
})

test('another database is found by a part of its name, and opens on the same page', async () => {
  const { page, ns, go, complaints, close } = await arrive()
  await go(`/${ns}/main/schedules`)
  await page.getByRole('button', { name: 'Switch database, current: main' }).click()
  const field = page.getByRole('combobox', { name: 'Find a database' })
  await field.fill('us')
  await page.getByRole('option', { name: 'orders-us', selected: true }).waitFor()
  expect(await page.getByRole('option', { name: 'orders-eu' }).count()).toBe(0)
  expect(await findFaults(page)).toEqual([])
  await page.keyboard.press('Enter')
  await page.waitForURL(`**/${ns}/orders-us/schedules`)
  await page.getByRole('button', { name: 'Switch database, current: orders-us' }).click()
  await page.getByRole('combobox').fill('nowhere')
  await page.getByRole('option', { name: 'New database', selected: true }).waitFor()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog', { name: 'New database' }).waitFor()
  expect(complaints).toEqual([])
  await close()
})

test('the command palette finds pages, tables, databases and actions with the keyboard only, and restores the focus', async () => {
  const { page, ns, complaints, close } = await arrive()
  const opener = page.getByRole('button', { name: 'Search' })
  await opener.focus()
  const field = page.getByRole('combobox', { name: 'Search pages, databases and actions' })
  const find = async (text: string, name: string) => {
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.keyboard.press('Control+k')
    await field.fill(text)
    await page.getByRole('option', { name, selected: true }).waitFor()
  }
  await find('invo', 'invoices')
  expect(await findFaults(page)).toEqual([])
  expect(await field.getAttribute('aria-activedescendant')).toBe(
    await page.getByRole('option', { selected: true }).getAttribute('id'),
  )
  await page.keyboard.press('Escape')
  await page.locator('button:focus', { hasText: 'Search' }).waitFor()

  await page.keyboard.press('Control+k')
  await field.fill('no such thing')
  await page.getByText('No results.').first().waitFor()
  await page.keyboard.press('Escape')

  await find('invo', 'invoices')
  await page.keyboard.press('Enter')
  await page.waitForURL(`**/${ns}/main/tables/invoices`)
  await page.getByRole('heading', { level: 1, name: 'invoices' }).waitFor()
  await page.locator('#page:focus').waitFor()

  await find('cron', 'Schedules')
  await page.keyboard.press('Enter')
  await page.waitForURL(`**/${ns}/main/schedules`)
  await find('orders', 'orders-eu')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.waitForURL(`**/${ns}/orders-us/overview`)
  await find('new token', 'New token')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog', { name: 'New token' }).getByLabel('Name').fill('made from afar')
  await page.keyboard.press('Escape')
  await find('dark', 'Dark theme')
  await page.keyboard.press('Enter')
  await page.locator('html[data-theme=dark]').waitFor()
  expect(complaints).toEqual([])
  await close()
})

test('a question mark lists the shortcuts, but not in text fields', async () => {
  const { page, ns, go, complaints, close } = await arrive()
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
  expect(await findFaults(page)).toEqual([])
  await page.keyboard.press('Escape')
  await go(`/${ns}?new=`)
  await page.getByLabel('Name', { exact: true }).press('?')
  await page.keyboard.press('Control+k')
  expect(await page.getByRole('dialog').count()).toBe(1)
  expect(await page.getByRole('dialog', { name: 'New database' }).count()).toBe(1)
  expect(complaints).toEqual([])
  await close()
})

test('on a phone, a button shows the current page and opens the navigation', async () => {
  const { page, ns, complaints, close } = await arrive(390)
  await page.getByRole('button', { name: 'Menu: main Overview' }).click()
  const menu = page.getByRole('dialog', { name: 'Menu' })
  await menu.getByRole('button', { name: 'Switch database, current: main' }).click()
  await page.getByRole('option', { name: 'orders-eu' }).waitFor()
  expect(await findFaults(page)).toEqual([])
  await page.keyboard.press('Escape')
  await menu.getByRole('link', { name: 'Webhooks' }).click()
  await page.waitForURL(`**/${ns}/main/webhooks`)
  await menu.waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Menu: main Webhooks' }).waitFor()
  await page.locator('#page:focus').waitFor()
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByRole('option', { name: 'Insights' }).click()
  await page.waitForURL(`**/${ns}/main/insights`)
  expect(complaints).toEqual([])
  await close()
})

test('the first key leads past all of that to the page', async () => {
  const { page, close } = await arrive()
  await page.keyboard.press('Tab')
  await page.getByRole('link', { name: 'Skip to content' }).press('Enter')
  await page.locator('#page:focus').waitFor()
  await close()
})
