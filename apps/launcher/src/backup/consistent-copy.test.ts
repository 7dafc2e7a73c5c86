import { expect, test } from 'vitest'
import { copyConsistently, maxRounds } from './consistent-copy.ts'

interface Facts {
  isDeleted: boolean
  sent: Set<string>
  received: { id: string; from: string }[]
}

/** Copies whose namespaces change by `facts` each time that they are copied. */
function fakeCopies(slugs: readonly string[], facts: (slug: string, attempt: number) => Partial<Facts>) {
  const attempts = new Map<string, number>()
  const namespaces = new Map<string, Facts>()
  const leftOut: string[] = []
  return {
    attempts,
    leftOut,
    copies: {
      namespaces,
      isMissing: () => false,
      copyNamespace: async (slug: string) => {
        const attempt = (attempts.get(slug) ?? 0) + 1
        attempts.set(slug, attempt)
        namespaces.set(slug, { isDeleted: false, sent: new Set(), received: [], ...facts(slug, attempt) })
      },
      copyDirectory: async () => slugs.map((slug) => ({ slug, isDeleted: false })),
      leaveOut: (slug: string) => {
        namespaces.delete(slug)
        leftOut.push(slug)
      },
    } as unknown as Parameters<typeof copyConsistently>[0],
  }
}

test('the sender of a transfer is copied again if its recipient already has the amount', async () => {
  const { copies, attempts, leftOut } = fakeCopies(['a', 'b'], (slug, attempt) =>
    slug === 'b' ? { received: [{ id: 't1', from: 'a' }] } : { sent: new Set(attempt > 1 ? ['t1'] : []) },
  )
  await copyConsistently(copies, ['a', 'b'])
  expect([attempts.get('a'), attempts.get('b'), leftOut]).toEqual([2, 1, []])
})

test('a namespace that changes all the time is left out, and the others are copied once', async () => {
  const { copies, attempts, leftOut } = fakeCopies(['a', 'b', 'quiet'], (slug, attempt) => ({
    received: slug === 'quiet' ? [] : [{ id: `${slug}-${attempt}`, from: slug === 'a' ? 'b' : 'a' }],
  }))
  await copyConsistently(copies, ['a', 'b', 'quiet'])
  expect(leftOut.sort()).toEqual(['a', 'b'])
  expect(attempts.get('quiet')).toBe(1)
  expect(attempts.get('a')).toBe(maxRounds)
})
