import { describe, expect, it } from 'vitest'
import { GrantCache } from './grant-cache.ts'

const about = { namespace: 'acme' }
const grant = { grant: {} as never, text: '{}', operations: null, branches: false }

/** Returns a cache for 10 grants after these pairs of token and database were added. */
function filled(pairs: readonly (readonly [token: string, database: string])[]): GrantCache<typeof about> {
  const cache = new GrantCache<typeof about>(10)
  for (const [token, database] of pairs) {
    cache.add(token, about, database, grant)
    expect(cache.size).toBeLessThanOrEqual(10)
    expect(cache.get(token)?.grants.has(database)).toBe(true)
  }
  return cache
}

const range = (count: number) => [...Array(count).keys()]
const count = (cache: GrantCache<typeof about>, tokens: readonly string[]) =>
  tokens.reduce((sum, token) => sum + (cache.get(token)?.grants.size ?? 0), 0)

describe('the cache of grants', () => {
  it.each<[name: string, pairs: (readonly [string, string])[], size: number]>([
    ['one token and one database', [['a', 'x']], 1],
    ['the same grant many times', range(50).map(() => ['a', 'x'] as const), 1],
    ['a token with as many databases as fit', range(10).map((i) => ['a', `${i}`] as const), 10],
    ['a token with too many databases, which starts over', range(11).map((i) => ['a', `${i}`] as const), 1],
    ['many tokens of one database', range(50).map((i) => [`${i}`, 'x'] as const), 10],
    ['many tokens of many databases', range(50).flatMap((i) => range(3).map((j) => [`${i}`, `${j}`] as const)), 9],
  ])('is bounded with %s', (_, pairs, size) => {
    const cache = filled(pairs)
    expect(cache.size).toBe(size)
    expect(count(cache, [...new Set(pairs.map(([token]) => token))])).toBe(size)
  })

  it('removes the tokens first that got no new grant for the longest time', () => {
    const cache = filled([...range(10).map((i) => [`${i}`, 'x'] as const), ['0', 'y']])
    expect(range(10).filter((i) => cache.get(`${i}`) === undefined)).toEqual([1])
    expect(cache.get('0')?.grants.size).toBe(2)
  })

  it('forgets a token with all its grants', () => {
    const cache = filled([
      ['a', 'x'],
      ['a', 'y'],
      ['b', 'x'],
    ])
    cache.delete('a')
    cache.delete('unknown')
    expect(cache.get('a')).toBeUndefined()
    expect(cache.size).toBe(1)
  })
})
