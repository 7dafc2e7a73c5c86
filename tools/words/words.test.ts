import { describe, expect, test } from 'vitest'
import { readMarkdown } from './markdown.ts'
import { findViolations, type Kind } from './rules.ts'
import { readSource } from './source.ts'

const findRules = (kind: Kind, value: string, key?: string) =>
  findViolations({ kind, line: 1, value, key }).map(({ rule }) => rule)

describe('sentences that break a rule', () => {
  test.each<[rule: string, kind: Kind, value: string]>([
    ['word', 'text', 'The deleted row is made anew.'],
    ['word', 'text', 'Whoever writes to a guarded table is answered with a link.'],
    ['word', 'text', '"acme" is no database.'],
    ['word', 'text', 'There is no branch "x".'],
    ['word', 'comment', 'Tells whether the token was revoked.'],
    ['word', 'comment', 'A database that nobody else shares.'],
    ['word', 'markdown', 'Everything is billed at once.'],
    ['word', 'markdown', 'Nothing runs by itself.'],
    ['clause-subject', 'text', 'What does not arrive is posted again.'],
    ['clause-subject', 'comment', 'What was used since the last report.'],
    ['clause-subject', 'markdown', 'Rows are copied. Which rows those are depends on the filter.'],
    ['plural', 'text', 'Imported 1 statements into the database'],
    ['plural', 'markdown', 'The query returned 1 rows.'],
    ['spelling', 'text', 'This token isn’t authorised to read the table.'],
    ['spelling', 'comment', 'The colour of a chart.'],
    ['spelling', 'identifier', 'initialiseDatabase'],
    ['tone', 'text', 'Please sign in again.'],
    ['tone', 'text', 'Your database is ready!'],
    ['spaces', 'text', 'Saved  queries'],
    ['name', 'identifier', 'takeDeeds'],
    ['name', 'identifier', 'isTold'],
    ['name', 'identifier', 'WHOEVER_ASKED'],
    ['of-name', 'identifier', 'webhookOf'],
  ])('%s: %s "%s"', (rule, kind, value) => {
    expect(findRules(kind, value)).toContain(rule)
  })

  test.each(['title', 'label', 'heading', 'summary', 'confirm'])('title: a full stop in %s', (key) => {
    expect(findRules('text', 'Create a token.', key)).toEqual(['title'])
  })
})

describe('sentences that keep all rules', () => {
  test.each<[kind: Kind, value: string, key?: string]>([
    ['text', 'A write to a protected table returns an approval link.'],
    ['text', 'Branch "x" not found.'],
    ['text', 'The branch is no longer available.'],
    ['text', 'What changed?'],
    ['text', 'Created 1 row in 3 ms'],
    ['text', 'Page 1 is open'],
    ['text', 'mt-1 items-center gap-2'],
    ['text', 'Loading more rows …', 'label'],
    ['text', 'Create a token', 'title'],
    ['text', 'Failed deliveries are retried.', 'description'],
    ['text', 'persql login   Sign in\npersql logout  Sign out'],
    ['comment', 'Returns whether the namespace exists.'],
    ['comment', 'Usage since the last report.'],
    ['markdown', 'What can go wrong'],
    ['markdown', 'Restore any snapshot, and undo the restore.'],
    ['identifier', 'storytelling'],
    ['identifier', 'toWebhook'],
    ['identifier', 'authorize'],
    ['identifier', 'optimisticUpdate'],
    ['identifier', 'anyOf'],
  ])('%s "%s"', (kind, value, key) => {
    expect(findRules(kind, value, key)).toEqual([])
  })
})

test('finds texts, comments and names in a source file, each with its line', () => {
  const source = [
    "import { x } from 'some module of two words'",
    '/** Returns `told`, the flag. */',
    'export const isTold = (nextRow: Row) => {',
    '  // The order of writes.',
    `  return nextRow.told ? \`There are \${x} rows\` : "single"`,
    '}',
    'const view = <Card className="no one reads" title="Two words">Some text{isTold}</Card>',
  ].join('\n')
  expect(readSource('view.tsx', source)).toEqual([
    { kind: 'comment', line: 2, value: 'Returns `…`, the flag.' },
    { kind: 'identifier', line: 3, value: 'isTold' },
    { kind: 'identifier', line: 3, value: 'nextRow' },
    { kind: 'comment', line: 4, value: 'The order of writes.' },
    { kind: 'text', line: 5, value: 'There are … rows' },
    { kind: 'identifier', line: 7, value: 'view' },
    { kind: 'text', line: 7, value: 'Two words', key: 'title' },
    { kind: 'text', line: 7, value: 'Some text' },
  ])
})

test('keeps the key of a text inside a conditional', () => {
  const items = readSource('a.tsx', 'export default <A title={open ? "Close the list." : undefined} />')
  expect(items).toEqual([{ kind: 'text', line: 1, value: 'Close the list.', key: 'title' }])
})

test.each([
  ['SQL', 'migrate(`-- Nobody reads it.\n  CREATE TABLE t (a)`)'],
  ['lists of words', "new Set('tell that the'.split(' '))"],
])('skips %s', (_, source) => {
  expect(readSource('a.ts', source)).toEqual([])
})

test('reports a file that does not parse', () => {
  expect(() => readSource('broken.ts', 'const = 1')).toThrow(/^broken\.ts: /)
})

test('finds paragraphs and cells of Markdown, without code', () => {
  const source = [
    '# A title',
    'A sentence over',
    'two lines with `told` and [a link](https://example.com/anew).',
    '```sh',
    'echo anew',
    '```',
    '- An item',
    '| Column | `anew` |',
    '| ------ | ------ |',
  ].join('\n')
  expect(readMarkdown(source)).toEqual([
    { kind: 'markdown', line: 1, value: 'A title' },
    { kind: 'markdown', line: 2, value: 'A sentence over two lines with `…` and [a link].' },
    { kind: 'markdown', line: 7, value: 'An item' },
    { kind: 'markdown', line: 8, value: 'Column' },
  ])
})
