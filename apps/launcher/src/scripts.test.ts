import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repository } from './paths.ts'

const { scripts } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}
const documents = ['CONTRIBUTING.md', 'docs/writing.md', '.github/PULL_REQUEST_TEMPLATE.md']

test.each(documents)('every script that %s names exists', (document) => {
  const text = readFileSync(join(repository, document), 'utf8')
  const named = [...text.matchAll(/npm (?:run )?(start|test(?::\w+)?|(?<=npm run )[\w:]+)/g)].map(([, name]) => name)
  expect(named.length).toBeGreaterThan(0)
  expect(named.filter((name) => !(String(name) in scripts))).toEqual([])
})

test('CONTRIBUTING.md lists every script of development', () => {
  const text = readFileSync(join(repository, 'CONTRIBUTING.md'), 'utf8')
  const forOperators = ['operator', 'deploy']
  expect(Object.keys(scripts).filter((name) => !text.includes(name) && !forOperators.includes(name))).toEqual([])
})
