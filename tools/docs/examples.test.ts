import { createHmac } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findProblems, findTest, listTests } from './examples.ts'
import { findFiles, listBlocks, readPage, root } from './pages.ts'

const pages = ['README.md', 'CONTRIBUTING.md', ...findFiles('docs', /\.md$/), ...findFiles('packages', /^README\.md$/)]

/** Returns the problems of the blocks of a page that no test runs. */
const listProblems = (page: string): string[] =>
  listBlocks(readPage(page)).flatMap((block) => {
    if (findTest(page, block) !== undefined) return []
    const problems = findProblems(block) ?? ['no test runs it, and its kind of content is unknown']
    return problems.map((problem) => `${page}: ${block.code.split('\n')[0]}: ${problem}`)
  })

test.each(pages)('a test runs each example of %s, or its content is checked', (page) => {
  expect(listProblems(page)).toEqual([])
})

test('the tests that run examples exist', () => {
  expect(listTests().filter((file) => !existsSync(join(root, file)))).toEqual([])
})

test.each([
  ['a command that the operator does not have', 'sh', 'npm run operator -- explode acme'],
  ['an option that the operator does not have', 'sh', 'npm run operator -- doctor --fast'],
  ['a script that does not exist', 'sh', 'npm run nothing'],
  ['a command that the command line does not have', 'sh', 'persql db explode acme/main'],
  ['an option that the command line does not have', 'sh', 'persql db list --nothing'],
  ['an operation that the API does not have', 'sh', 'curl http://127.0.0.1:8787/v1/db/acme/main/explode'],
  ['another method than that of the API', 'sh', 'curl -X PUT http://127.0.0.1:8787/v1/db/acme/main/query'],
  ['a body that is not JSON', 'sh', "curl http://127.0.0.1:8787/v1/db/acme/main/query -d '{sql: 1}'"],
  ['an unknown setting before a command', 'sh', 'PERSQL_NOTHING=1 npm start'],
  ['an unknown setting', '', 'PERSQL_NOTHING=1'],
  ['a file that does not exist', 'sh', 'sudo cp deploy/nothing.conf /etc'],
  ['another program', 'sh', 'rm -rf /'],
  ['a loop that is not closed', 'sh', 'for file in *; do'],
  ['JSON with a mistake', 'json', '{ "a": 1, }'],
  ['a script of a workflow with a mistake', 'yaml', '    - run: |\n        if true\n'],
])('%s is a problem', (_, info, code) => {
  expect(findProblems({ info, code })).toHaveLength(1)
})

test.each([
  ['ts', 'const a = 1'],
  ['', 'some text'],
])('a block of kind "%s" needs a test that runs it', (info, code) => {
  expect(findProblems({ info, code })).toBeUndefined()
})

test('the function of the guide to webhooks accepts a signature, and refuses others', async () => {
  const page = 'docs/guides/webhooks.md'
  const block = listBlocks(readPage(page)).find(({ info }) => info === 'js')
  const source = `${block?.code}\nexport { isFromPerSQL }`
  const { isFromPerSQL } = await import(`data:text/javascript,${encodeURIComponent(source)}`)
  const sign = (seconds: number, body: string) =>
    `t=${seconds},v1=${createHmac('sha256', 'whsec_1').update(`${seconds}.${body}`).digest('hex')}`
  const now = Math.floor(Date.now() / 1000)
  expect(isFromPerSQL(sign(now, '{}'), '{}', 'whsec_1')).toBe(true)
  expect(isFromPerSQL(sign(now, '{}'), '{"a":1}', 'whsec_1')).toBe(false)
  expect(isFromPerSQL(sign(now, '{}'), '{}', 'whsec_2')).toBe(false)
  expect(isFromPerSQL(sign(now - 600, '{}'), '{}', 'whsec_1')).toBe(false)
  expect(isFromPerSQL('t=1', '{}', 'whsec_1')).toBe(false)
})
