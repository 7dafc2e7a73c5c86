import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults, RunOptions } from 'axe-core'
import type { Page } from 'playwright-core'

const program = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** The default rules that depend on the color theme. By their tag, axe-core would also run rules that are off by default. */
export const COLOR_RULES: RunOptions = { runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } }

/** Returns the accessibility problems that axe-core finds on a page, as text. The default is all rules. */
export async function findFaults(page: Page, rules: RunOptions = {}): Promise<string[]> {
  // The content security policy of the pages rejects a script element.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(await program)
  const violations = await page.evaluate(async (options) => {
    const { axe } = globalThis as unknown as { axe: { run(options: RunOptions): Promise<AxeResults> } }
    // Without details of the elements that pass, the same rules take less time.
    return (await axe.run({ ...options, resultTypes: ['violations'] })).violations
  }, rules)
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`))
}
