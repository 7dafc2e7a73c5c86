import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repository } from '../../apps/launcher/src/paths.ts'

const MAX_LINES = 400
const roots = ['apps', 'packages', 'bench']

/** Returns the source files below a folder, without tests and what is built or installed. */
function listSources(folder: string): string[] {
  return readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return /^(node_modules|dist|test|data)$/.test(entry.name) ? [] : listSources(path)
    return /\.(ts|tsx|mjs)$/.test(entry.name) && !/\.(test|test-d)\.tsx?$/.test(entry.name) ? [path] : []
  })
}

test('no source file has more than 400 lines', () => {
  const files = roots.flatMap(listSources)
  expect(files.length).toBeGreaterThan(300)
  const long = files.filter((path) => readFileSync(join(repository, path), 'utf8').split('\n').length - 1 > MAX_LINES)
  expect(long).toEqual([])
})
