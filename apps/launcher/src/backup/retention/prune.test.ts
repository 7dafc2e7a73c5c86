import { expect, test, vi } from 'vitest'
import { MemoryStore } from '../../../../../test/memory-store.ts'
import { withBackupLease } from './lease.ts'
import { prune } from './prune.ts'

const now = new Date('2026-11-29T22:30:00Z')
const clock = { now: () => now.getTime() }
const hash = (digit: string) => digit.repeat(64)
const manifest = (...digits: string[]) =>
  JSON.stringify({
    files: [{ sha256: hash('0') }],
    objects: digits.map((digit) => ({ sha256: hash(digit), bytes: 1 })),
  })
const [old, recent, newest] = ['2026-11-01T00-00-00Z', '2026-11-29T10-00-00Z', '2026-11-29T22-00-00Z'].map(
  (time) => `backups/${time}.json`,
) as [string, string, string]

function makeStore(manifests: Record<string, string>, digits: string[]): MemoryStore {
  const store = new MemoryStore()
  for (const [name, content] of Object.entries(manifests)) store.blobs.set(name, content)
  for (const digit of digits) store.blobs.set(`files/${hash(digit)}`, '12345')
  return store
}

const names = (store: MemoryStore) => [...store.blobs.keys()].sort().map((name) => name.replace(/(.)\1{63}$/, '$1'))

test('deletes old backups and the files that only they need', async () => {
  const store = makeStore({ [old]: manifest('a', 'b'), [recent]: manifest('b'), [newest]: manifest('b', 'c') }, [
    'a',
    'b',
    'c',
    'd',
  ])
  const left = new Set(['b', 'c'].map((digit) => `files/${hash(digit)}`))
  const kept = [recent, newest]
  expect(await prune(store, '24h', now, clock)).toEqual({ kept, deleted: [old], files: 2, bytes: 10, left })
  expect(names(store)).toEqual([recent, newest, 'files/b', 'files/c'])
  expect(await prune(store, '24h', now, clock)).toEqual({ kept, deleted: [], files: 0, bytes: 0, left })
})

test.each([
  ['a cut end', manifest('b').slice(0, -1)],
  ['no content', ''],
  ['no hashes', '{"objects":[{"sha256":"x"}]}'],
])('deletes nothing if a manifest that is kept has %s', async (_what, content) => {
  const store = makeStore({ [old]: manifest('a'), [newest]: content }, ['a', 'b'])
  await expect(prune(store, '24h', now, clock)).rejects.toThrow(`${newest} of the target is damaged`)
  expect(names(store)).toEqual([old, newest, 'files/a', 'files/b'])
})

test('keeps manifests with unknown names, and their files', async () => {
  const store = makeStore({ 'backups/manual.json': manifest('a'), [newest]: manifest('b') }, ['a', 'b'])
  expect(await prune(store, '1h', now, clock)).toMatchObject({ deleted: [], files: 0 })
})

test('keeps damaged manifests from stopping it once they are old', async () => {
  const store = makeStore({ [old]: '', [newest]: manifest('b') }, ['a', 'b'])
  expect(await prune(store, '1h', now, clock)).toMatchObject({ deleted: [old], files: 1 })
})

test('refuses bad rules before it reads the store', async () => {
  const store = makeStore({}, ['a'])
  await expect(prune(store, '24x', now, clock)).rejects.toThrow('Invalid value "24x" of --keep.')
  expect(names(store)).toEqual(['files/a'])
})

test('deletes nothing while a backup runs, and leaves no lease', async () => {
  const store = makeStore({ [old]: manifest('a'), [newest]: manifest('b') }, ['a', 'b', 'c'])
  await withBackupLease(
    store,
    async () => {
      expect(await prune(store, '1h', now, clock)).toBeUndefined()
    },
    clock,
  )
  expect(names(store)).toEqual([old, newest, 'files/a', 'files/b', 'files/c'])
  expect(await prune(store, '1h', now, clock)).toMatchObject({ files: 2 })
})

test.each([
  [59, undefined],
  [61, { deleted: [], files: 1 }],
])('the lease of a backup that was killed %d minutes ago is respected for an hour', async (minutes, expected) => {
  const store = makeStore({ [newest]: manifest('b') }, ['a', 'b'])
  const renewedAt = new Date(now.getTime() - minutes * 60_000).toISOString()
  store.blobs.set('leases/backup-1.json', JSON.stringify({ renewedAt }))
  const pruned = await prune(store, '1h', now, clock)
  if (expected === undefined) expect(pruned).toBeUndefined()
  else expect(pruned).toMatchObject(expected)
  expect(store.blobs.has('leases/backup-1.json')).toBe(expected === undefined)
})

test('a lease that is damaged stops pruning with its name', async () => {
  const store = makeStore({ [newest]: manifest('b') }, ['a', 'b'])
  store.blobs.set('leases/backup-1.json', '')
  await expect(prune(store, '1h', now, clock)).rejects.toThrow('leases/backup-1.json of the target is damaged.')
})

test('a lease is renewed while the work runs, and lost after 30 minutes without the store', async () => {
  vi.useFakeTimers({ now: now.getTime() })
  try {
    const store = new MemoryStore()
    const renewedAt = () => JSON.parse(String([...store.blobs.values()][0] ?? '{}')).renewedAt
    await withBackupLease(store, async (lease) => {
      await vi.advanceTimersByTimeAsync(4 * 60 * 60_000)
      lease.assertHeld()
      expect(renewedAt()).toBe(new Date().toISOString())
      const write = vi.spyOn(store, 'write').mockRejectedValue(new Error('The network failed.'))
      await vi.advanceTimersByTimeAsync(29 * 60_000)
      lease.assertHeld()
      await vi.advanceTimersByTimeAsync(2 * 60_000)
      expect(() => lease.assertHeld()).toThrow('out of reach for more than 30 minutes')
      write.mockRestore()
      await vi.advanceTimersByTimeAsync(60 * 60_000)
      expect(() => lease.assertHeld()).toThrow('out of reach for more than 30 minutes')
    })
    expect(store.blobs.size).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})
