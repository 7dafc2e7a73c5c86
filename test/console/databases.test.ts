import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startBrowser } from '../browser.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
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

test('a database is made with the keyboard alone, and is where one is led', async () => {
  const { page, ns, go, complaints, close } = await visit(browser, platform)
  await go(`/${ns}`)
  await page.getByRole('button', { name: 'New database' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  expect(new URL(page.url()).search).toBe('?new=')
  await page.keyboard.type('My Orders')
  await page.keyboard.press('Enter')
  await page.waitForURL(`**/${ns}/my-orders/overview`)
  await page.getByText('my-orders created.', { exact: true }).first().waitFor()
  await go(`/${ns}`)
  await page.getByRole('row', { name: /my-orders/ }).waitFor()
  expect(complaints).toEqual([])
  await close()
})

test('a name that is taken is said so, with what to do, and nothing that was typed is lost', async () => {
  const { page, ns, go, close } = await visit(browser, platform)
  await go(`/${ns}?new=`)
  await page.getByLabel('Name', { exact: true }).fill('main')
  await page.getByRole('button', { name: 'Create database' }).click()
  const alert = page.getByRole('alert')
  await alert.getByText('slug_taken').first().waitFor()
  expect(await alert.textContent()).toContain('Choose another name.')
  expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('main')
  await close()
})

test('a database goes only when its name was typed', async () => {
  const { page, ns, go, close } = await visit(browser, platform)
  await go(`/${ns}`)
  await page.getByRole('button', { name: 'Actions for main' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  const remove = page.getByRole('button', { name: 'Delete database' })
  expect(await remove.isDisabled()).toBe(true)
  await page.getByLabel('Type main to confirm').fill('mai')
  expect(await remove.isDisabled()).toBe(true)
  await page.getByLabel('Type main to confirm').fill('main')
  await remove.click()
  await page.getByText('main deleted.', { exact: true }).first().waitFor()
  await page.getByRole('heading', { name: 'No databases yet' }).waitFor()
  await close()
})

test('a signed-out user signs in and returns to the requested page', async () => {
  const { page, ns, email, go, close } = await visit(browser, platform)
  await go(`/${ns}/main/overview`)
  await page.getByRole('button', { name: /^Account/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.waitForURL('**/login')
  await page.goto(`${platform.url}/${ns}/welcome?client=sdk`)
  await page.waitForURL('**/login?return=*')
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password').fill('correct horse battery')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`**/${ns}/welcome?client=sdk`)
  await page.getByRole('tab', { name: 'TypeScript', selected: true }).waitFor()
  await close()
})

test('an empty balance is said everywhere, with the way to add funds', async () => {
  const { page, ns, go, close } = await visit(browser, platform)
  const body = { amountUsd: -5, note: 'Spent' }
  const taken = await platform.request(`/api/operator/namespaces/${ns}/credit`, { token: platform.secret, body })
  expect(taken.status).toBe(200)
  await go(`/${ns}`)
  await page.getByText('Your balance is empty').first().waitFor()
  expect(await page.getByRole('link', { name: 'Add funds' }).getAttribute('href')).toBe(`/${ns}/settings/billing`)
  await close()
})

test('the theme follows the system until the user chooses one, and the choice is saved', async () => {
  const { page, close } = await visit(browser, platform, { theme: 'light' })
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const light = await background()
  await page.getByRole('button', { name: /^Account/ }).click()
  await page.getByRole('menuitemradio', { name: 'Dark' }).click()
  expect(await background()).not.toBe(light)
  await page.reload()
  await page.getByRole('heading', { level: 1 }).waitFor()
  expect(await background()).not.toBe(light)
  await close()
})

test('many databases are found by name, and what is not there is said', async () => {
  const { page, go, complaints, close } = await visit(browser, platform)
  const ns = `n${crypto.randomUUID().slice(0, 8)}`
  const make = (path: string, slug: string) =>
    page.evaluate(
      async ([to, body]) => {
        const { ok } = await fetch(to, { method: 'POST', body })
        if (!ok) throw new Error(body)
      },
      [path, JSON.stringify({ slug })] as const,
    )
  await make('/api/namespaces', ns)
  await go(`/${ns}/welcome`)
  await page.getByText('This namespace has no databases yet.').first().waitFor()
  for (let n = 1; n <= 13; n++) await make(`/api/namespaces/${ns}/databases`, `tenant-${n}`)
  await go(`/${ns}?q=nothing`)
  await page.getByText('No results.').first().waitFor()
  const field = page.getByLabel('Find a database')
  await field.fill('ANT-12')
  await page.getByText('1 of 13').first().waitFor()
  expect(new URL(page.url()).search).toBe('?q=ANT-12')
  await page.keyboard.press('Enter')
  await page.waitForURL(`**/${ns}/tenant-12/overview`)
  expect(complaints).toEqual([])

  await go(`/${ns}/nothing/overview`)
  await page.getByText('"nothing" not found.').first().waitFor()
  expect(await page.getByRole('heading', { name: 'Connect' }).count()).toBe(0)
  await close()
})
