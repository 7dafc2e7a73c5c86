import { expect, test } from 'vitest'
import { uniqueName } from '../shared-platform.ts'
import { useConsole } from './use-console.ts'

const app = useConsole()

test('a database is made with the keyboard alone, and is where one is led', async () => {
  const { page, ns, go, complaints, close } = await app.visit()
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
  const { page, ns, go, close } = await app.visit()
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
  const { page, ns, go, close } = await app.visit()
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
  const { page, ns, email, go, close } = await app.visit()
  await go(`/${ns}/main/overview`)
  await page.getByRole('button', { name: /^Account/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.waitForURL('**/login')
  await page.goto(`${app.platform.url}/${ns}/welcome?client=sdk`)
  await page.waitForURL('**/login?return=*')
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password').fill('correct horse battery')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`**/${ns}/welcome?client=sdk`)
  await page.getByRole('tab', { name: 'TypeScript', selected: true }).waitFor()
  await close()
})

test('an empty balance is said everywhere, with the way to add funds', async () => {
  const { page, ns, go, close } = await app.visit()
  const body = { amountUsd: -5, note: 'Spent' }
  const taken = await app.platform.request(`/api/operator/namespaces/${ns}/credit`, {
    token: app.platform.secret,
    body,
  })
  expect(taken.status).toBe(200)
  await go(`/${ns}`)
  await page.getByText('Your balance is empty').first().waitFor()
  expect(await page.getByRole('link', { name: 'Add funds' }).getAttribute('href')).toBe(`/${ns}/settings/billing`)
  await close()
})

test('the theme follows the system until the user chooses one, and the choice is saved', async () => {
  const { page, ns, go, close } = await app.visit({ theme: 'light' })
  await go(`/${ns}/welcome`)
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
  const { page, go, api, complaints, close } = await app.visit()
  const ns = uniqueName()
  await api('POST', '/api/namespaces', { slug: ns })
  await go(`/${ns}/welcome`)
  await page.getByText('This namespace has no databases yet.').first().waitFor()
  for (let n = 1; n <= 13; n++) await api('POST', `/api/namespaces/${ns}/databases`, { slug: `tenant-${n}` })
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
