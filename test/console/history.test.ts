import { expect, test } from 'vitest'
import { findFaults } from './axe.ts'
import { useConsole } from './use-console.ts'

const { visit } = useConsole()

test('a snapshot is taken, restored after its database is named, undone, and deleted', async () => {
  const { page, ns, go, sql, complaints, close } = await visit()
  await go(`/${ns}/main/history`)
  await page.getByText('No snapshots yet').first().waitFor()
  await sql('CREATE TABLE t (a)')
  await sql('INSERT INTO t VALUES (1), (2)')

  await page.getByRole('button', { name: 'Create snapshot' }).first().click()
  await page.getByLabel('Label').fill('two rows')
  await page.keyboard.press('Enter')
  await page
    .getByRole('listitem')
    .filter({ hasText: 'two rows' })
    .getByText('2 rows', { exact: false })
    .first()
    .waitFor()
  await sql('DELETE FROM t WHERE a = 2')

  await page.getByRole('button', { name: 'Restore two rows' }).click()
  const restore = page.getByRole('dialog').getByRole('button', { name: 'Restore snapshot' })
  await page.getByRole('dialog').waitFor()
  expect(await findFaults(page)).toEqual([])
  expect(await restore.isDisabled()).toBe(true)
  await page.getByLabel('Type main to confirm').fill('main')
  await page.keyboard.press('Enter')
  await page.getByText('Database restored.').first().waitFor()
  expect(new URL(page.url()).searchParams.get('undo')).toBeTruthy()
  expect(await sql('SELECT count(*) FROM t')).toEqual([[2]])
  expect(await findFaults(page)).toEqual([])

  await page.getByRole('button', { name: 'Undo restore' }).click()
  await page.getByText('Restore undone.').first().waitFor()
  expect(await sql('SELECT count(*) FROM t')).toEqual([[1]])

  await page.getByRole('button', { name: 'Delete two rows' }).click()
  await page.getByRole('button', { name: 'Delete snapshot' }).click()
  await page.getByRole('button', { name: 'Restore two rows' }).waitFor({ state: 'detached' })
  expect(complaints).toEqual([])
  await close()
})

test('automatic snapshots are marked, and can be switched off', async () => {
  const { page, ns, go, sql, complaints, close } = await visit({ width: 390, theme: 'dark' })
  await sql('CREATE TABLE t (a)')
  await sql('INSERT INTO t VALUES (1)')
  await sql('DELETE FROM t')
  await go(`/${ns}/main/history`)
  await page.getByText('Automatic', { exact: true }).first().waitFor()
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('switch', { name: 'Automatic snapshots' }).click()
  await page.getByText('Automatic snapshots turned off.').first().waitFor()
  await page.reload()
  await page.getByText('Automatic', { exact: true }).first().waitFor()
  await page.waitForFunction(() => !document.querySelector<HTMLInputElement>('[role=switch]')?.disabled)
  expect(await page.getByRole('switch').isChecked()).toBe(false)
  expect(complaints).toEqual([])
  await close()
})

test('long names stay within dialogs', async () => {
  const { page, ns, go, sql, close } = await visit()
  await sql('CREATE TABLE t (a)')
  await go(`/${ns}/main/history?new=`)
  const isWithin = () =>
    page
      .getByRole('dialog')
      .first()
      .evaluate((box) => {
        const { right } = box.getBoundingClientRect()
        const parts = [...box.querySelectorAll('*')].map((part) => part.getBoundingClientRect().right)
        return Math.max(...parts) <= right && right <= innerWidth
      })
  await page.getByLabel('Label').fill('y'.repeat(80))
  await page.getByRole('dialog').getByRole('button', { name: 'Create snapshot' }).click()
  await page.getByText('” created.').first().waitFor()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: `Restore ${'y'.repeat(80)}` }).click()
  await page.getByRole('dialog').getByRole('textbox').waitFor()
  expect(await isWithin()).toBe(true)
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Restore to a point in time' }).click()
  await page.getByText('Snapshot to restore').waitFor()
  expect(await isWithin()).toBe(true)
  await close()
})
