import { expect, test } from 'vitest'
import { findFaults } from './axe.ts'
import { useConsole } from './use-console.ts'

const { visit } = useConsole()

test('a draft is written, fails at a line, is corrected, tried and applied, and stands in the record', async () => {
  const { page, ns, go, sql, complaints, close } = await visit({ theme: 'dark' })
  await go(`/${ns}/main/migrations`)
  await page.getByText('No migrations yet').first().waitFor()
  await page.getByRole('link', { name: 'New migration' }).first().click()
  await page.getByLabel('Name', { exact: true }).fill('add users')
  await page
    .getByRole('textbox', { name: 'SQL' })
    .fill('CREATE TABLE users (id INTEGER PRIMARY KEY);\nINSERT INTO nowhere VALUES (1);')
  await page.keyboard.press('Control+Enter')
  await page.getByRole('heading', { level: 1, name: 'add users' }).waitFor()

  await page.getByRole('button', { name: 'Dry run' }).click()
  await page.getByRole('heading', { name: 'Dry run failed' }).waitFor()
  await page.getByText('Statement 2, line 2:').first().waitFor()
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'Apply' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Apply migration' }).click()
  await page.getByRole('dialog').getByRole('alert').waitFor()
  await page.keyboard.press('Escape')
  await page.getByText('Failed', { exact: true }).first().waitFor()
  expect(complaints.filter((text) => !text.includes('status of 400'))).toEqual([])

  await page
    .getByRole('textbox', { name: 'SQL' })
    .fill('CREATE TABLE users (id INTEGER PRIMARY KEY);\nINSERT INTO users VALUES (1);')
  await page.getByRole('button', { name: 'Save draft' }).click()
  await page.getByRole('button', { name: 'Saved' }).waitFor()
  await page.getByRole('button', { name: 'Dry run' }).click()
  await page.getByRole('heading', { name: 'Dry run passed' }).waitFor()
  await page.getByText('+ table users').first().waitFor()
  expect(await sql("SELECT count(*) FROM sqlite_master WHERE name = 'users'")).toEqual([[0]])
  await page.getByRole('button', { name: 'Apply' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Apply migration' }).click()
  await page.getByText('Applied', { exact: true }).first().waitFor()
  expect(await sql('SELECT id FROM users')).toEqual([[1]])

  await go(`/${ns}/main/migrations?see=record`)
  await page.getByText('table users added').first().waitFor()
  await page.getByText('Migration', { exact: true }).first().waitFor()
  expect(await findFaults(page)).toEqual([])
  await close()
})

test('a draft is deleted once that is confirmed, on a phone too', async () => {
  const { page, ns, go, complaints, close } = await visit({ width: 390 })
  await go(`/${ns}/main/migrations/new`)
  await page.getByLabel('Name', { exact: true }).fill('a mistake')
  await page.getByRole('textbox', { name: 'SQL' }).fill('CREATE TABLE t (a)')
  await page.getByRole('button', { name: 'Save draft' }).click()
  await page.getByRole('button', { name: 'Delete' }).click()
  expect(new URL(page.url()).search).toBe('?ask=delete')
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'Delete draft' }).click()
  await page.getByText('No migrations yet').first().waitFor()
  expect(complaints).toEqual([])
  await close()
})

test('the address of a migration leads to it when a hundred newer ones came after', async () => {
  const { page, ns, go, api, complaints, close } = await visit()
  const make = (n: number) =>
    api('POST', `/api/namespaces/${ns}/databases/main/migrations`, { name: `draft ${n}`, sql: 'SELECT 1' })
  const { id } = await make(0)
  await Promise.all(Array.from({ length: 100 }, (_, n) => make(n + 1)))
  await go(`/${ns}/main/migrations/${id}`)
  await page.getByRole('heading', { level: 1, name: 'draft 0', exact: true }).waitFor()
  await go(`/${ns}/main/migrations/mig_999`)
  await page.getByText('Migration not found').waitFor()
  expect(complaints).toEqual([])
  await close()
})
