import { execFileSync } from 'node:child_process'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startBrowser } from '../browser.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { visit } from './visit.ts'

let platform: TestPlatform
let browser: Browser
beforeAll(async () => {
  ;[platform, browser] = await Promise.all([startPlatform(), startBrowser()])
})
afterAll(async () => {
  await browser.close()
  await platform.stop()
})

test('from signing up to rows: the welcome page gives a token once, and its curl line works as pasted', async () => {
  const { page, ns, complaints, close } = await visit(browser, platform)
  await page.getByText('$5.00').first().waitFor()
  await page.getByRole('button', { name: 'Create a token' }).click()
  const token = await page.getByText(/^psql_live_/).textContent()
  const pasted = (await page.getByRole('region', { name: 'curl' }).textContent()) ?? ''
  expect(pasted).toContain(token)
  const answer = JSON.parse(execFileSync('sh', ['-c', pasted.replace('curl ', 'curl -s ')], { encoding: 'utf8' }))
  expect(answer.data.rows).toEqual([['hello']])
  await page.reload()
  await page.getByRole('button', { name: 'Create a token' }).waitFor()
  expect(await page.content()).not.toContain(token)
  expect(ns).toMatch(/^v/)
  expect(complaints).toEqual([])
  await close()
})
