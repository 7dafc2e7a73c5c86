import { expect, test } from 'vitest'
import { useConsole } from './use-console.ts'
import { join } from './visit.ts'

const { visit } = useConsole()

test('a viewer is offered to look, and to edit the one database that is shared with them', async () => {
  const owner = await visit()
  const viewer = await visit()
  const { ns } = owner
  await join(owner, viewer, 'viewer')
  await owner.api('POST', `/api/namespaces/${ns}/databases`, { slug: 'other' })
  for (const db of ['main', 'other']) await owner.sqlIn(db)('CREATE TABLE notes (id INTEGER PRIMARY KEY, t)')
  await owner.sql("INSERT INTO notes (t) VALUES ('first')")
  await owner.api('POST', `/api/namespaces/${ns}/databases/main/shares`, { email: viewer.email, role: 'editor' })

  const { page, go, complaints } = viewer
  await go(`/${ns}/other/tables/notes`)
  await page.getByText("Viewers can't edit rows.").first().waitFor()
  expect(await page.getByRole('button', { name: 'Add row' }).count()).toBe(0)
  await go(`/${ns}/other/query?sql=${encodeURIComponent('DELETE FROM notes')}`)
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByRole('alert').getByText('Your role is viewer. You need the editor role to change data.').waitFor()
  complaints.length = 0
  for (const path of ['?new=', '?fork=other', '/other/overview?fork=other', '/other/schema?edit=notes']) {
    await go(`/${ns}${path}`)
    expect(await page.getByRole('dialog').count(), path).toBe(0)
  }
  await go(`/${ns}/main/tables/notes`)
  await page.getByRole('button', { name: 'Add row' }).click()
  await page.getByLabel('t', { exact: true }).fill('of a viewer')
  await page.getByRole('dialog').getByRole('button', { name: 'Add row' }).click()
  await page.getByRole('button', { name: 'Review 1 change' }).click()
  await page.getByRole('button', { name: 'Save 1 change' }).dblclick()
  await page.getByText('1 change saved.').first().waitFor()
  await page.getByRole('grid').getByText('of a viewer').first().waitFor()
  expect(await owner.sql('SELECT t FROM notes')).toEqual([['first'], ['of a viewer']])
  expect(complaints).toEqual([])
  await Promise.all([owner.close(), viewer.close()])
})
