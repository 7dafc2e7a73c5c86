import { buildServer } from '../../../apps/launcher/src/server-build.ts'
import { startSite, startUserBrowser } from '../../../test/browser.ts'
import { BUILD_VARIABLE } from '../../../test/build-folder.ts'
import { visit } from '../../../test/console/visit.ts'
import { startPlatform } from '../../../test/harness.ts'
import { fillDatabase } from './fill.ts'
import { measureLoad, type Place } from './first-load.ts'
import { measureScrolls } from './scrolling.ts'
import { loadTable, scrollTable } from './tables.ts'

/** Runs `npm run bench:console`: first loads and scrolling in a real browser, as Markdown on stdout. */
export async function main(args: string[]): Promise<number> {
  const rounds = args.includes('--quick') ? 3 : 7
  process.env[BUILD_VARIABLE] = await buildServer()
  const [platform, browser, site] = await Promise.all([startPlatform(), startUserBrowser(), startSite()])
  try {
    const visitor = await visit(browser, platform)
    const { ns, page, sql } = visitor
    await fillDatabase(sql)
    const state = await page.context().storageState()
    const places: Place[] = [
      ['/:ns/welcome', `/${ns}/welcome`, 'main [role=tab]', 'tab'],
      ['/:ns', `/${ns}`, 'main table a', 'button'],
      ['/:ns/main/tables/many', `/${ns}/main/tables/many`, '[role=gridcell]', 'gridcell'],
    ].map(([name, path, ready, click]) => ({ name, path, ready, click }) as Place)
    process.stdout.write(`${loadTable(await measureLoad(browser, platform.url, state, places, rounds))}\n\n`)
    process.stdout.write(`${scrollTable(await measureScrolls(visitor, `${site.origin}/`))}\n`)
  } finally {
    site.stop()
    await browser.close()
    await platform.stop()
  }
  return 0
}
