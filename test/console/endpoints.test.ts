import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { findFaults } from './axe.ts'
import { useConsole } from './use-console.ts'

const AsyncFunction = (async () => {}).constructor as new (body: string) => () => Promise<unknown>

const { visit } = useConsole()

test('an endpoint is written, tried, published, called, changed, put back, paused and deleted', async () => {
  const { page, ns, go, sql, complaints, close } = await visit()
  const field = (name: string) => page.getByRole('textbox', { name, exact: true })
  const click = (name: string) => page.getByRole('button', { name, exact: true }).click()
  const says = (text: string | RegExp) => page.getByText(text).first().waitFor()
  const isFine = async () => {
    expect(await findFaults(page)).toEqual([])
    expect(complaints).toEqual([])
  }
  await sql('CREATE TABLE notes (id INTEGER PRIMARY KEY, author, text)')
  await sql("INSERT INTO notes (author, text) VALUES ('ada', 'first'), ('bob', 'second')")

  await go(`/${ns}/main/endpoints`)
  await page.getByRole('button', { name: 'New endpoint' }).first().click()
  await field('Name').fill('Notes')
  await field('Slug').fill('Notes of one')
  await says('must start with a lowercase letter')
  await field('Slug').fill('notes')
  await field('SQL').fill('SELECT text FROM notes WHERE author = ?')
  await click('Add input')
  await field('Input 1 name').fill('author')
  await isFine()

  await page.getByRole('tab', { name: 'JSON' }).click()
  expect(JSON.parse(await page.getByLabel('Spec', { exact: true }).inputValue())).toMatchObject({
    slug: 'notes',
    input: [{ name: 'author', type: 'text', required: true }],
  })
  await page.getByLabel('Spec', { exact: true }).fill('{')
  await says('Invalid JSON object.')
  const spec = {
    slug: 'notes',
    name: 'Notes',
    kind: 'query',
    method: 'GET',
    sql: 'SELECT text FROM notes WHERE author = ?',
    input: [{ name: 'author', type: 'text', label: 'Whose', required: true }],
    output: 'rows',
  }
  await page.getByLabel('Spec', { exact: true }).fill(JSON.stringify(spec))
  await isFine()
  await page.getByRole('tab', { name: 'Form' }).click()
  expect(await field('Input 1 name').inputValue()).toBe('author')
  await click('Save draft')
  await page.waitForURL('**/endpoints/notes')
  await says('Version 1')

  await page.getByRole('tab', { name: 'Test' }).click()
  await field('Whose').fill('ada')
  await page.getByRole('tabpanel').getByRole('button', { name: 'Run test' }).click()
  await page.getByRole('region', { name: 'Response' }).getByText('first').first().waitFor()
  await isFine()

  await click('Publish')
  await says('“Notes” published.')
  await page.getByRole('tab', { name: 'Call the endpoint' }).click()
  await page.getByRole('tab', { name: 'AI tool' }).click()
  await says('"input_schema"')
  await page.getByRole('tab', { name: 'curl' }).click()
  const curl = (await page.getByRole('region', { name: 'curl' }).textContent()) as string
  const called = (author: string) => {
    const line = curl.replace('curl ', 'curl -s ').replace('author=text', `author=${author}`)
    return JSON.parse(execFileSync('sh', ['-c', line], { encoding: 'utf8' }))
  }
  expect(called('ada').data.rows).toEqual([['first']])
  await page.getByRole('tab', { name: 'JavaScript' }).click()
  const script = await page.getByRole('region', { name: 'JavaScript' }).textContent()
  const pasted = new AsyncFunction(`${script}\nreturn [ok, data.rows]`)
  expect(await pasted()).toEqual([true, []])
  await isFine()

  await page.getByRole('tab', { name: 'Traffic' }).click()
  await page.getByRole('img', { name: /failed calls, in 24 intervals/ }).waitFor()
  expect(await page.getByRole('term').filter({ hasText: 'Calls' }).locator('..').textContent()).toBe('Calls2')
  await page.getByLabel('Period').selectOption('Last hour')
  await page.waitForURL('**hours=1**')
  await isFine()

  await page.getByRole('tab', { name: 'Spec' }).click()
  await field('SQL').fill('SELECT id, text FROM notes WHERE author = ?')
  await click('Save and publish')
  await says('Version 2')
  expect(called('bob').data.rows).toEqual([[2, 'second']])
  await page.getByRole('tab', { name: 'Versions' }).click()
  await click('Revert to 1')
  await click('Revert to version 1')
  await says('Version 3')
  expect(called('bob').data.rows).toEqual([['second']])
  await isFine()

  await click('Pause')
  await says('“Notes” paused.')
  expect(called('bob')).toMatchObject({ ok: false, code: 'endpoint_not_found' })
  await click('Delete')
  await page.getByLabel('Type notes to confirm').fill('notes')
  await click('Delete endpoint')
  await says('No endpoints yet')
  expect(complaints).toEqual([])
  await close()
})

test('unsaved changes of a spec survive a save in another tab, which shows a notice', async () => {
  const { page, ns, go, api, complaints, close } = await visit()
  const spec = { slug: 'one', name: 'One', kind: 'query', method: 'GET', sql: 'SELECT 1', input: [], output: 'rows' }
  const path = `/api/namespaces/${ns}/databases/main/endpoints`
  await api('POST', path, spec)
  await go(`/${ns}/main/endpoints/one`)
  const sql = page.getByRole('textbox', { name: 'SQL', exact: true })
  await sql.fill('SELECT 2')
  await api('PATCH', `${path}/one`, { sql: 'SELECT 3' })
  await page.getByRole('button', { name: 'Publish', exact: true }).click()
  await page.getByText('Someone else saved version 2.').first().waitFor()
  expect(await sql.inputValue()).toBe('SELECT 2')
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'Save and publish' }).click()
  await page.getByText('Version 3 saved.').first().waitFor()
  await page.getByText('Someone else saved version').first().waitFor({ state: 'hidden' })
  expect(await sql.inputValue()).toBe('SELECT 2')
  expect(complaints).toEqual([])
  await close()
})
