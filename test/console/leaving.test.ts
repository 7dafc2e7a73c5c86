import { expect, test } from 'vitest'
import { findFaults } from './axe.ts'
import { useConsole } from './use-console.ts'

const { visit } = useConsole()

test('a table with unsaved changes asks before it is left, by link, by the way back and by closing the tab', async () => {
  const { page, ns, go, sql, complaints, close } = await visit()
  await sql('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)')
  await go(`/${ns}/main/tables`)
  await page.getByRole('link', { name: 'notes' }).click()
  await page.getByText('No rows yet').waitFor()
  const here = page.url()
  const overview = page.getByRole('link', { name: 'Overview' })
  await page.getByRole('button', { name: 'Add row' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Add row' }).click()
  await page.getByRole('button', { name: 'Review 1 change' }).waitFor()

  await overview.click()
  const dialog = page.getByRole('dialog', { name: 'Discard 1 change?' })
  await dialog.waitFor()
  expect(page.url()).toBe(here)
  expect(await findFaults(page)).toEqual([])
  await dialog.getByRole('button', { name: 'Keep editing' }).click()
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Review 1 change' }).waitFor()

  await page.goBack()
  await dialog.waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  expect(page.url()).toBe(here)

  const asked = page.waitForEvent('dialog')
  void page.reload().catch(() => undefined)
  const unload = await asked
  expect(unload.type()).toBe('beforeunload')
  await unload.dismiss()
  await page.getByRole('button', { name: 'Review 1 change' }).waitFor()

  await overview.click()
  await dialog.getByRole('button', { name: 'Discard changes' }).click()
  await page.waitForURL(`**/${ns}/main/overview`)
  await page.getByRole('link', { name: 'Tables' }).click()
  await page.waitForURL(`**/${ns}/main/tables`)
  expect(await sql('SELECT count(*) FROM notes')).toEqual([[0]])
  expect(complaints).toEqual([])
  await close()
})

test('a draft of a migration asks before it is left, and not when it was saved', async () => {
  const { page, ns, go, complaints, close } = await visit()
  await go(`/${ns}/main/migrations`)
  await page.getByRole('link', { name: 'New migration' }).first().click()
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('add notes')
  await page.getByRole('textbox', { name: 'SQL' }).fill('CREATE TABLE notes (id INTEGER PRIMARY KEY)')
  await page.getByRole('link', { name: 'Overview' }).click()
  await page.getByRole('dialog', { name: 'Discard the new migration?' }).waitFor()
  await page.getByRole('button', { name: 'Keep editing' }).click()
  await page.getByRole('button', { name: 'Save draft' }).click()
  await page.getByRole('button', { name: 'Dry run' }).waitFor()
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByRole('button', { name: 'Delete draft' }).click()
  await page.getByText('No migrations yet').first().waitFor()
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByRole('link', { name: 'add notes' }).waitFor()
  expect(complaints).toEqual([])
  await close()
})

test('a description that was changed is as before when that is undone', async () => {
  const { page, ns, go, sql, api, complaints, close } = await visit()
  await sql('CREATE TABLE notes (id INTEGER PRIMARY KEY)')
  await api('PUT', `/api/namespaces/${ns}/databases/main/describe`, {
    tables: [{ table: 'notes', description: 'What people wrote', columns: [] }],
  })
  await go(`/${ns}/main/schema?edit=notes`)
  const field = page.getByLabel('What is this table for?')
  await field.fill('Something else')
  await page.getByRole('button', { name: 'Save description' }).click()
  await page.getByText('Something else').first().waitFor()
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByText('Undone.').first().waitFor()
  await page.getByText('What people wrote').first().waitFor()
  expect(complaints).toEqual([])
  await close()
})
