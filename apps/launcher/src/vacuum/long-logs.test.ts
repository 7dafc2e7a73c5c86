import { expect, test } from 'vitest'
import { chooseLongLogs, maxExcessBytes, type OpenLog, ordinaryBytes } from './long-logs.ts'

const MB = 1_000_000
const GB = 1_000 * MB
const logs = (namespace: string, count: number, megabytes: number): OpenLog[] =>
  Array.from({ length: count }, () => ({ namespace, bytes: megabytes * MB }))

test.each<[string, OpenLog[], number, number[]]>([
  ['none', [], 0, []],
  ['logs of ordinary length', logs('a', 199, 5), 0, []],
  ['a long log within the bounds', logs('a', 1, 69), 0, []],
  ['a log that is too long', logs('a', 1, 70), 0, [70]],
  ['many logs of one namespace', logs('a', 10, 15), 0, [15, 15, 15, 15]],
  ['the longest of a namespace', [...logs('a', 1, 60), ...logs('a', 1, 30)], 0, [60]],
  [
    'many namespaces, each within its bound',
    logs('', 10, 65).map((log, i) => ({ ...log, namespace: `n${i}` })),
    0,
    [65, 65],
  ],
  ['only the namespace that exceeds its bound', [...logs('a', 1, 65), ...logs('b', 2, 40)], 0, [40]],
  ['many ordinary logs on a small disk', logs('a', 202, 5), 0, [5, 5]],
  ['many ordinary logs on a large disk', logs('a', 400, 5), 20 * GB, []],
  ['too many ordinary logs on a large disk', logs('a', 401, 5), 20 * GB, [5]],
])('chooses from %s', (_, open, freeBytes, chosen) => {
  expect(chooseLongLogs(open, freeBytes).map(({ bytes }) => bytes / MB)).toEqual(chosen)
})

test('any logs are within the bounds without those that are chosen', () => {
  for (let round = 0; round < 200; round++) {
    const open = Array.from({ length: 300 }, () => ({
      namespace: `n${Math.floor(Math.random() * 20)}`,
      bytes: Math.floor(Math.random() ** 4 * 100 * MB),
    }))
    const chosen = new Set(chooseLongLogs(open, 0))
    const left = open.filter((log) => !chosen.has(log))
    const sum = (of: readonly OpenLog[]) =>
      of.reduce((total, { bytes }) => total + Math.max(0, bytes - ordinaryBytes), 0)
    expect(sum(left)).toBeLessThanOrEqual(maxExcessBytes.instance)
    expect(left.reduce((total, { bytes }) => total + bytes, 0)).toBeLessThanOrEqual(GB)
    for (let n = 0; n < 20; n++)
      expect(sum(left.filter(({ namespace }) => namespace === `n${n}`))).toBeLessThanOrEqual(maxExcessBytes.namespace)
  }
})
