import { expect, test } from 'vitest'
import { StoppedWrites } from './stopped-writes.ts'

const minute = 60_000
const hour = 60 * minute

test.each<[what: string, stops: [database: string, atMs: number][], nowMs: number, refused: Record<string, number>]>([
  ['no stop', [], 0, {}],
  ['one stop', [['acme/main', 0]], 1, {}],
  [
    'two stops of databases of a namespace',
    [
      ['acme/one', 0],
      ['acme/two', minute],
    ],
    minute,
    { acme: hour + minute },
  ],
  [
    'two stops of one database',
    [
      ['acme/one', 0],
      ['acme/one', minute],
    ],
    minute,
    { acme: hour + minute },
  ],
  [
    'two stops of two namespaces',
    [
      ['acme/main', 0],
      ['acme-2/main', 0],
    ],
    1,
    {},
  ],
  [
    'two stops an hour apart',
    [
      ['acme/main', 0],
      ['acme/main', hour],
    ],
    hour,
    {},
  ],
  [
    'two stops almost an hour apart',
    [
      ['acme/main', 0],
      ['acme/main', hour - 1],
    ],
    hour - 1,
    { acme: 2 * hour - 1 },
  ],
  [
    'an hour after the last stop',
    [
      ['acme/main', 0],
      ['acme/main', 1],
    ],
    hour + 1,
    {},
  ],
  [
    'a third stop',
    [
      ['acme/main', 0],
      ['acme/main', 1],
      ['acme/main', minute],
    ],
    2 * minute,
    { acme: hour + minute },
  ],
])('after %s, %o, at %d: %o', (_, stops, nowMs, refused) => {
  const stopped = new StoppedWrites()
  for (const [database, atMs] of stops) stopped.add(database, atMs)
  expect(stopped.refused(nowMs)).toEqual(refused)
  expect(stopped.refused(nowMs)).toEqual(refused)
})
