import { afterAll, beforeAll, expect, test } from 'vitest'
import { standIn } from '../endpoints.ts'
import { startPlatform } from '../harness.ts'
import { findFaults } from './axe.ts'
import { useConsole } from './use-console.ts'

let model: Awaited<ReturnType<typeof standIn>>
/** The next response of the stand-in for the AI model. */
let says: object = {}
beforeAll(async () => {
  model = await standIn(() => ({
    body: {
      choices: [{ message: { role: 'assistant', content: JSON.stringify(says) } }],
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    },
  }))
})
afterAll(() => model.stop())
const { visit } = useConsole(() =>
  startPlatform({
    environment: { AI_BASE_URL: `${model.url}/v1`, AI_API_KEY: 'sk-model-key', AI_MODEL: 'tiny-1' },
  }),
)

test('a question becomes a statement in the editor, and nothing runs before it is run', async () => {
  const { page, ns, go, sql, complaints, close } = await visit()
  await sql('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)')
  await go(`/${ns}/main/query`)
  await page.getByRole('button', { name: 'Ask AI' }).click()
  expect(new URL(page.url()).searchParams.get('see')).toBe('ask')
  says = { sql: 'SELECT count(*) AS notes FROM notes', explanation: 'It counts all notes.' }
  await page.getByLabel('Question').fill('How many notes are there?')
  await page.getByRole('button', { name: 'Generate', exact: true }).click()
  await page.getByText('It counts all notes.').first().waitFor()
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('button', { name: 'Open in editor' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'SELECT count(*) AS notes' }).first().waitFor()
  await page.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByRole('columnheader', { name: 'notes' }).first().waitFor()
  expect(complaints).toEqual([])
  await close()
})

test('generates descriptions of undescribed tables, and reverts them', async () => {
  const { page, ns, go, sql, complaints, close } = await visit({ width: 390, theme: 'dark' })
  await sql('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)')
  await go(`/${ns}/main/schema`)
  await page.getByRole('button', { name: 'Generate descriptions' }).click()
  says = { description: 'Notes that people took', columns: { id: 'Which note', text: 'What it says' } }
  await page.getByText('1 table. Billed as rows read').first().waitFor()
  expect(await findFaults(page)).toEqual([])
  await page.getByRole('dialog').getByRole('button', { name: 'Generate descriptions' }).click()
  await page.getByText('Notes that people took').first().waitFor()
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByText('Notes that people took').first().waitFor({ state: 'detached' })
  expect(complaints).toEqual([])
  await close()
})
