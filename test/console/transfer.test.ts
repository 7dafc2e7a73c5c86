import { expect, test } from 'vitest'
import { findFaults } from './axe.ts'
import { readDownload } from './read-download.ts'
import { useConsole } from './use-console.ts'

const { visit } = useConsole()

const file = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) })

test('a CSV becomes a table and leaves as CSV; a bad line is named and nothing of its file stays', async () => {
  const { page, ns, go, sql, complaints, close } = await visit({ theme: 'dark' })
  await go(`/${ns}/main/transfer`)
  await page.getByText('No imports yet.').first().waitFor()
  await page.locator('input[type=file]').setInputFiles(file('My people.csv', 'id,name\n1,Ada\n2,Grace\n'))
  expect(await page.getByLabel('Import into table').inputValue()).toBe('my_people')
  // The table doesn't exist yet, so the checkbox to create it is set.
  await page.getByRole('checkbox', { name: 'Create table', checked: true }).waitFor()
  await page.getByRole('button', { name: 'Import My people.csv' }).click()
  await page.getByText('Imported 2 rows into my_people.').first().waitFor()
  expect(await findFaults(page)).toEqual([])
  expect(await sql('SELECT * FROM my_people')).toEqual([
    [1, 'Ada'],
    [2, 'Grace'],
  ])

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'CSV', exact: true }).click(),
  ])
  expect((await readDownload(download)).split(/\r?\n/)).toEqual(['id,name', '1,"Ada"', '2,"Grace"', ''])

  complaints.length = 0
  const dump = 'INSERT INTO my_people VALUES (3, NULL);\nINSERT INTO nowhere VALUES (1);\n'
  await page.locator('input[type=file]').setInputFiles(file('bad.sql', dump))
  await page.getByRole('button', { name: 'Import bad.sql' }).click()
  await page.getByRole('alert').getByText('Line 2:').first().waitFor()
  await page.getByText('Nothing was imported.').first().waitFor()
  expect(await findFaults(page)).toEqual([])
  expect(await sql('SELECT count(*) FROM my_people')).toEqual([[2]])
  expect(complaints.filter((text) => !text.includes('status of 400'))).toEqual([])
  await close()
})

test('a file can be dropped, and a running import is shown to everyone who opens the page', async () => {
  const { page, ns, go, sql, complaints, close } = await visit({ width: 390 })
  await sql('CREATE TABLE t (a)')
  await go(`/${ns}/main/transfer`)
  const data = await page.evaluateHandle(() => {
    const transfer = new DataTransfer()
    transfer.items.add(new File(['{"a":1}\n{"a":2}\n'], 't.ndjson'))
    return transfer
  })
  await page.getByText('Drop a file here, or choose a file').dispatchEvent('drop', { dataTransfer: data })
  await page.getByRole('button', { name: 'Import t.ndjson' }).click()
  await page.getByText('Imported 2 rows into t.').first().waitFor()
  await page
    .getByText(/^Last import/)
    .first()
    .waitFor()
  expect(await findFaults(page)).toEqual([])
  expect(complaints).toEqual([])
  await close()
})

test('what cannot be asked for is said, not waited for', async () => {
  const { page, ns, go, close } = await visit()
  await page.route('**/databases/main/import', (route) => route.fulfill({ status: 500, body: 'no' }))
  await go(`/${ns}/main/transfer`)
  await page.getByRole('alert').first().waitFor()
  await page.unroute('**/databases/main/import')
  await page.getByRole('button', { name: 'Try again' }).first().click()
  await page.getByText('No imports yet.').first().waitFor()
  await close()
})
