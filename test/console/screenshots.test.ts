import { expect, test } from 'vitest'
import { listPictures } from '../screenshots/pages.ts'
import { DATABASE, NAMESPACE } from '../screenshots/shop.ts'

const addresses = { invite: '/', approve: '/', consent: '/', webhook: 'w', migration: 'm', branch: 'b' }
const pictures = listPictures({ addresses })

/** Returns the names of the pages in a file of the console. The path is dynamic because the file uses browser types. */
async function tabsIn(folder: string): Promise<string[]> {
  const file = new URL(`../../apps/console/src/pages/${folder}/${folder}-tabs.ts`, import.meta.url).pathname
  const [tabs] = Object.values(await import(file)) as { path: string }[][]
  return (tabs ?? []).map(({ path }) => path)
}

test.each([
  ['database', `/${NAMESPACE}/${DATABASE}/`],
  ['settings', `/${NAMESPACE}/settings/`],
])('every page of the %s is pictured', async (folder, prefix) => {
  const tabs = await tabsIn(folder)
  expect(tabs.length).toBeGreaterThan(4)
  const pictured = pictures.map(({ path }) => path.slice(prefix.length).split(/[/?]/)[0])
  expect(tabs.filter((path) => !pictured.includes(path))).toEqual([])
})

test('no two pictures have one name', () => {
  const names = pictures.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})
