import { expect, test } from 'vitest'
import { formatDiff } from './format-diff.ts'

const none = { schema: { statements: [], conflicts: [] }, migrations: { branch: [], parent: [], diverged: [] } }
const statement = (sql: string, losesData = false) => ({ sql, reason: '', losesData })

test.each([
  ['no difference', none, '### T\n\nNo differences.'],
  [
    'statements and migrations',
    {
      schema: { statements: [statement('CREATE TABLE a (x)'), statement('DROP TABLE b', true)], conflicts: [] },
      migrations: { branch: ['1-a', '2-b'], parent: ['3-c'], diverged: [] },
    },
    '### T\n\n```sql\nCREATE TABLE a (x);\nDROP TABLE b; -- can delete data\n```\n\n- Migrations on the branch: `1-a`, `2-b`\n- Migrations that the branch lacks: `3-c`',
  ],
  [
    'text that could end its block or link to something',
    {
      schema: {
        statements: [statement('CREATE TABLE a (x DEFAULT "```")')],
        conflicts: [
          { type: 'table', name: 'a`b', reason: 'See [x](y) @all <img>', base: null, parent: null, branch: null },
        ],
      },
      migrations: { branch: ['`'], parent: [], diverged: [] },
    },
    '### T\n\n````sql\nCREATE TABLE a (x DEFAULT "```");\n````\n\n- Migrations on the branch: `` ` ``\n\n- Conflict: table `` a`b ``. See \\[x\\](y) \\@all \\<img\\>',
  ],
])('Markdown of %s', (_what, diff, text) => {
  expect(formatDiff('T', diff, true)).toBe(text)
})
