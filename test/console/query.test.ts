import { setTimeout as delay } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { findFaults } from './axe.ts'
import { readDownload } from './read-download.ts'
import { useConsole } from './use-console.ts'

const tests = useConsole()
const { visit } = tests

/** Replaces the text in the editor. */
async function write(page: Page, text: string) {
  const editor = page.getByRole('textbox', { name: 'SQL' })
  await editor.click()
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(text)
}

test('runs the statement at the cursor, shows its cost, and saves its rows', async () => {
  const { page, ns, go, sql, complaints, close } = await visit()
  await sql('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)')
  await go(`/${ns}/main/query`)
  await write(page, "INSERT INTO notes (text) VALUES ('a;b'), ('say \"hi\"'), (NULL);\nSELECT id, text FROM notes")
  await page.keyboard.press('Control+Home')
  await page.keyboard.press('Control+Enter')
  await page.getByText('3 rows changed').first().waitFor()
  await page.keyboard.press('Control+End')
  await page.keyboard.press('Control+Enter')
  const result = page.getByRole('grid', { name: 'Result' })
  await result.getByText('a;b').first().waitFor()
  expect(
    await page
      .getByRole('status')
      .filter({ hasText: /rows? read/ })
      .textContent(),
  ).toMatch(/^\$0\.0+\d+/)
  expect(await findFaults(page)).toEqual([])

  const csv = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download CSV' }).click()
  expect(await readDownload(await csv)).toBe('id,text\r\n1,a;b\r\n2,"say ""hi"""\r\n3,\r\n')
  const json = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download JSON' }).click()
  expect(JSON.parse(await readDownload(await json))).toContainEqual({ id: 3, text: null })

  await page.getByRole('button', { name: 'Explain' }).click()
  await page.getByText('SCAN notes').first().waitFor()
  await page.getByText('Full table scan').first().waitFor()
  await page.getByText(/The last run read \d+ rows and returned 3\./).waitFor()
  expect(await findFaults(page)).toEqual([])

  // Explain counts rows of a statement that has not run yet on request.
  await write(page, 'SELECT count(*) AS all_of_them FROM notes')
  await page.getByRole('button', { name: 'Explain' }).click()
  await page.getByRole('button', { name: 'Run and count rows read' }).click()
  await page.getByText(/The last run read \d+ rows and returned 1\./).waitFor()

  // Completion suggests tables, and open tabs stay open.
  await page.getByRole('button', { name: 'New query' }).click()
  await write(page, 'SELECT * FROM ')
  await page.keyboard.type('not')
  await page.getByRole('option', { name: 'notes' }).waitFor()
  await page.keyboard.press('Escape')
  await write(page, 'SELEC 1')
  await page.keyboard.press('Control+Enter')
  await page.getByText('Syntax error', { exact: true }).first().waitFor()
  expect(await findFaults(page)).toEqual([])
  await page.reload()
  await page.getByText('SELEC 1').first().waitFor()
  await page.getByRole('button', { name: 'History' }).click()
  const history = page.getByRole('dialog', { name: 'Query history' })
  await history.getByText('SELECT id, text FROM notes').first().waitFor()
  await page.keyboard.type('them count')
  await history.getByText('SELECT id, text FROM notes').waitFor({ state: 'detached' })
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: /^SELECT count/, pressed: true }).waitFor()

  // A closed tab can be reopened.
  await write(page, 'SELECT 5 AS five')
  await page.getByRole('button', { name: 'SELECT 5 AS five' }).waitFor()
  await page
    .getByRole('button', { name: /^Close query/ })
    .last()
    .click()
  await page.getByRole('button', { name: 'SELECT 5 AS five' }).waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByRole('button', { name: 'SELECT 5 AS five', pressed: true }).waitFor()
  expect(complaints.filter((text) => !/status of 400/.test(text))).toEqual([])
  await close()
})

test('cancels a slow statement, restores lost rows, and runs a write after its approval', async () => {
  const { page, ns, go, sql, api, complaints, close } = await visit()
  await sql('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)')
  await sql("INSERT INTO notes (text) VALUES ('one'), ('two')")
  await go(`/${ns}/main/query?sql=${encodeURIComponent('DELETE FROM notes')}`)
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText('2 rows changed').first().waitFor()
  expect(await sql('SELECT count(*) FROM notes')).toEqual([[0]])
  await page.getByRole('button', { name: 'Restore snapshot' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Restore snapshot' }).click()
  await page.getByText('Snapshot restored.').first().waitFor()
  expect(await sql('SELECT count(*) FROM notes')).toEqual([[2]])

  await write(page, 'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n')
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText('The statement is running.').first().waitFor()
  while (!/^persql_reads_running [1-9]/m.test((await tests.platform.request('/metrics')).body)) await delay(20)
  await page.getByRole('button', { name: 'Cancel', exact: true }).click()
  await page
    .getByText(/^Canceled\./)
    .first()
    .waitFor()
  const logged = "SELECT count(*) FROM _persql_query_log WHERE sql LIKE 'WITH n(i)%' AND status = 409"
  while ((await sql(logged))[0]?.[0] !== 1) await delay(20)

  const rule = { tableGlob: 'notes', action: 'require_approval' }
  await api('POST', `/api/namespaces/${ns}/databases/main/approval_rules`, rule)
  await write(page, "UPDATE notes SET text = 'new' WHERE id = 1")
  await page.keyboard.press('Control+Enter')
  const link = page.getByRole('link', { name: 'Review request' })
  const address = await link.getAttribute('href')
  expect(await findFaults(page)).toEqual([])
  await api('POST', `/api/approvals/${address?.split('/').at(-1)}/approve`, {})
  await page.getByText('Approved. Run it now.').first().waitFor()
  await page.getByRole('button', { name: 'Run approved write' }).click()
  await page.getByText('1 row changed').first().waitFor()
  expect(await sql('SELECT text FROM notes WHERE id = 1')).toEqual([['new']])
  expect(complaints.filter((text) => !/status of 403/.test(text))).toEqual([])
  await close()
})
