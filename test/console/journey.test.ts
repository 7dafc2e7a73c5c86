import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { useConsole } from './use-console.ts'

const app = useConsole()

/** Creates an account on the sign-up page and stays on the page that follows. */
async function signUp() {
  const tab = await app.openTab()
  const { page } = tab
  await page.goto(`${app.platform.url}/`)
  await page.getByRole('link', { name: "Don't have an account? Create one" }).click()
  await page.getByLabel('Email').fill(`v${crypto.randomUUID().slice(0, 8)}@example.com`)
  await page.getByLabel('Password').fill('correct horse battery')
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.waitForURL('**/welcome')
  tab.complaints.length = 0
  return { ...tab, ns: new URL(page.url()).pathname.split('/')[1] }
}

test('from signing up to rows: the welcome page gives a token once, and its curl line works as pasted', async () => {
  const { page, ns, complaints, close } = await signUp()
  await page.getByText('$5.00').first().waitFor()
  await page.getByRole('button', { name: 'Create token' }).click()
  const token = await page.getByText(/^psql_live_/).textContent()
  const pasted = (await page.getByRole('region', { name: 'curl' }).textContent()) ?? ''
  expect(pasted).toContain(token)
  const answer = JSON.parse(execFileSync('sh', ['-c', pasted.replace('curl ', 'curl -s ')], { encoding: 'utf8' }))
  expect(answer.data.rows).toEqual([['hello']])
  await page.reload()
  await page.getByRole('button', { name: 'Create token' }).waitFor()
  expect(await page.content()).not.toContain(token)
  expect(ns).toMatch(/^v/)
  expect(complaints).toEqual([])
  await close()
})

test('from signing up over a query and a token of Settings to curl, which finds the same rows', async () => {
  const { page, ns, complaints, close } = await signUp()
  await page.getByRole('link', { name: `${ns}/main` }).click()
  await page.getByRole('link', { name: 'Query', exact: true }).first().click()
  await page.getByRole('textbox', { name: 'SQL' }).click()
  await page.keyboard.insertText("CREATE TABLE people AS SELECT 'Ada' AS name")
  await page.keyboard.press('Control+Enter')
  const done = page.getByRole('status').filter({ hasText: /rows? read/ })
  await done.first().waitFor()
  await page.getByRole('textbox', { name: 'SQL' }).click()
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText('SELECT name FROM people')
  await page.keyboard.press('Control+Enter')
  await page.getByRole('grid', { name: 'Result' }).getByText('Ada').waitFor()

  await page.getByRole('link', { name: 'All databases', exact: true }).first().click()
  await page.getByRole('link', { name: 'Tokens', exact: true }).first().click()
  await page.getByRole('button', { name: 'New token' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('From the terminal')
  await dialog.getByRole('button', { name: 'Create token' }).click()
  const token = (await dialog.getByText(/^psql_live_/).textContent()) ?? ''
  const answer = execFileSync('curl', [
    '-s',
    `${app.platform.url}/v1/db/${ns}/main/query`,
    '-H',
    `Authorization: Bearer ${token}`,
    '-d',
    '{"sql": "SELECT name FROM people"}',
  ])
  expect(JSON.parse(answer.toString()).data.rows).toEqual([['Ada']])
  expect(complaints).toEqual([])
  await close()
})
