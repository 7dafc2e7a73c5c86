import { expect, test } from 'vitest'
import { copyConsistently, maxRounds, maxTogether } from './consistent-copy.ts'

interface Facts {
  isDeleted: boolean
  sent: Set<string>
  received: { id: string; from: string }[]
}

/**
 * Copies whose namespaces change by `facts` each time that they are copied. `together` are the facts of namespaces that
 * are copied at one moment.
 */
function fakeCopies(
  slugs: readonly string[],
  facts: (slug: string, attempt: number) => Partial<Facts>,
  together: (slug: string, attempt: number) => Partial<Facts> = facts,
) {
  const attempts = new Map<string, number>()
  const namespaces = new Map<string, Facts>()
  const leftOut: string[] = []
  const groups: string[][] = []
  const copyAs = (nextFacts: typeof facts) => async (slug: string) => {
    const attempt = (attempts.get(slug) ?? 0) + 1
    attempts.set(slug, attempt)
    namespaces.set(slug, { isDeleted: false, sent: new Set(), received: [], ...nextFacts(slug, attempt) })
  }
  return {
    attempts,
    leftOut,
    groups,
    copies: {
      namespaces,
      isMissing: () => false,
      copyNamespace: copyAs(facts),
      copyNamespacesTogether: async (group: readonly string[]) => {
        groups.push([...group])
        for (const slug of group) await copyAs(together)(slug)
      },
      copyDirectory: async () => slugs.map((slug) => ({ slug, isDeleted: false })),
      leaveOut: (slug: string) => {
        namespaces.delete(slug)
        leftOut.push(slug)
      },
    } as unknown as Parameters<typeof copyConsistently>[0],
  }
}

/** Namespaces that send each other amounts all the time: no two copies fit. */
const exchanging =
  (...slugs: readonly string[]) =>
  (slug: string, attempt: number): Partial<Facts> => {
    const from = slugs[(slugs.indexOf(slug) + 1) % slugs.length] ?? ''
    return { received: slugs.includes(slug) ? [{ id: `${slug}-${attempt}`, from }] : [] }
  }

test('the sender of a transfer is copied again if its recipient already has the amount', async () => {
  const { copies, attempts, leftOut } = fakeCopies(['a', 'b', 'c'], (slug, attempt) =>
    slug === 'b' ? { received: [{ id: 't1', from: 'a' }] } : { sent: new Set(attempt > 1 ? ['t1'] : []) },
  )
  await copyConsistently(copies, ['a', 'b', 'c'])
  expect([attempts.get('a'), attempts.get('c'), leftOut]).toEqual([2, 1, []])
})

test('namespaces that send each other amounts all the time are copied at one moment', async () => {
  const { copies, groups, attempts, leftOut } = fakeCopies(['a', 'b', 'quiet'], exchanging('a', 'b'), () => ({}))
  await copyConsistently(copies, ['a', 'b', 'quiet'])
  expect(leftOut).toEqual([])
  expect(groups.map((group) => group.sort())).toEqual([['a', 'b']])
  expect(attempts.get('quiet')).toBe(1)
})

test('a namespace that exchanges amounts with others since then joins them', async () => {
  const pair = exchanging('a', 'b')
  const { copies, groups, leftOut } = fakeCopies(['a', 'b', 'c'], pair, (slug, attempt) => {
    const late = slug === 'a' && attempt === 2
    return { received: late ? [{ id: 'late', from: 'c' }] : [] }
  })
  await copyConsistently(copies, ['a', 'b', 'c'])
  expect(leftOut).toEqual([])
  expect(groups.map((group) => group.sort())).toEqual([
    ['a', 'b'],
    ['a', 'b', 'c'],
  ])
})

test('a namespace that changes in each round is left out, and the others are copied once', async () => {
  const { copies, attempts, leftOut } = fakeCopies(['a', 'b', 'quiet'], exchanging('a', 'b'))
  await copyConsistently(copies, ['a', 'b', 'quiet'])
  expect(leftOut.sort()).toEqual(['a', 'b'])
  expect(attempts.get('quiet')).toBe(1)
  expect(attempts.get('a')).toBe(maxRounds)
})

test('the number of namespaces that are copied at one moment is bounded', async () => {
  const slugs = Array.from({ length: maxTogether + 10 }, (_, index) => `n${index}`)
  const { copies, groups } = fakeCopies(slugs, exchanging(...slugs), () => ({}))
  await copyConsistently(copies, slugs)
  expect(Math.max(...groups.map(({ length }) => length))).toBe(maxTogether)
})
