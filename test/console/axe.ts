import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

const program = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** Returns the accessibility problems that axe-core finds on a page, as text. */
export async function faultsOf(page: Page): Promise<string[]> {
  // The content security policy of the pages rejects a script element.
  await page.evaluate(await readFile(program, 'utf8'))
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`))
}
