import { createHash, randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, test } from 'vitest'
import { makeManifest } from '../../../../test/backup-manifest.ts'
import { MemoryStore } from '../../../../test/memory-store.ts'
import { type ObjectCopy, toBlobName } from './manifest.ts'
import { findManifest, listBackups, readManifest, storeObjects, writeManifest } from './manifest-file.ts'
import { prune } from './retention/prune.ts'

const hex = (): string => randomBytes(32).toString('hex')

function makeObject(index: number): ObjectCopy {
  const object = hex()
  return {
    class: 'database',
    name: `tenant-${index % 500}/app-${index}`,
    object,
    cell: 0,
    path: `objects/database/${object}.sqlite`,
    sha256: hex(),
    bytes: 4_096 * (3 + (index % 500)),
    source: `${index}:${index * 4_096}:${randomBytes(8).readBigUInt64LE()} ${index}:4152:${randomBytes(8).readBigUInt64LE()}`,
    database: {
      id: `db_${randomBytes(12).toString('hex')}`,
      generation: index,
      totals: { requests: index * 7, rowsRead: index * 1_001, rowsWritten: index * 13, aiTokens: 0 },
      snapshots: [],
    },
  }
}
const makeObjects = (count: number): ObjectCopy[] => Array.from({ length: count }, (_, index) => makeObject(index))
/** Returns objects of which the first `count` have a new content. */
const change = (objects: readonly ObjectCopy[], count: number): ObjectCopy[] =>
  objects.map((copy, index) => (index < count ? { ...copy, sha256: hex() } : copy))

let store: MemoryStore
beforeEach(() => {
  store = new MemoryStore()
})

/** Stores a backup that continues the newest one. Returns its ID and the bytes that were written, without the objects. */
async function backUp(minute: number, objects: ObjectCopy[]): Promise<{ id: string; bytes: number }> {
  const startedAt = `2026-11-29T${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}:00.000Z`
  const newest = (await listBackups(store)).at(-1)
  const previous = newest === undefined ? undefined : (await findManifest(store, newest)).list
  for (const { sha256 } of objects) store.blobs.set(toBlobName(sha256), '')
  let bytes = 0
  const list = await storeObjects(objects, previous, async (sha256, content, length) => {
    bytes += length
    await store.write(toBlobName(sha256), content)
  })
  await writeManifest(store, { manifest: makeManifest(startedAt, { objects }), list })
  const id = (await listBackups(store)).at(-1) as string
  const written = ['.json', '.json.gz'].map((suffix) => store.blobs.get(`backups/${id}${suffix}`)?.length ?? 0)
  return { id, bytes: bytes + Math.max(...written) }
}

const readPaths = async (id: string) =>
  new Map((await readManifest(store, id)).objects.map((copy) => [copy.path, JSON.stringify(copy)]))
const toPaths = (objects: readonly ObjectCopy[]) => new Map(objects.map((copy) => [copy.path, JSON.stringify(copy)]))

test('a backup of few objects is one JSON file, which older versions read too', async () => {
  const objects = makeObjects(499)
  const { id } = await backUp(0, objects)
  expect(JSON.parse(String(store.blobs.get(`backups/${id}.json`))).manifest).toMatchObject({ layout: 1, objects })
  expect(await readManifest(store, id)).toMatchObject({ objects })
})

test('backups of many objects share a list and contain what it lacks', async () => {
  const first = makeObjects(1_000)
  const second = [...change(first, 100).slice(0, 990), makeObject(1_000)]
  const third = change(second, 200)
  const fourth = change(third, 400)
  const ids: string[] = []
  for (const [minute, objects] of [first, second, third, fourth].entries()) {
    const { id } = await backUp(minute, objects)
    ids.push(id)
    expect(await readPaths(id)).toEqual(toPaths(objects))
  }
  const lists = await Promise.all(ids.map(async (id) => (await findManifest(store, id)).list?.sha256))
  // Of the last one, more than a quarter differs.
  expect(lists.map((sha256) => lists.indexOf(sha256))).toEqual([0, 0, 0, 3])
  expect(await readPaths(ids[0] as string)).toEqual(toPaths(first))
})

test('a backup of 10,000 objects of which 200 changed writes less than 2% of a whole manifest', async () => {
  const objects = makeObjects(10_000)
  const whole = await backUp(0, objects)
  const { bytes } = await backUp(1, change(objects, 200))
  const asJson = JSON.stringify(objects, null, 1).length
  expect(whole.bytes).toBeLessThan(asJson / 3)
  expect(bytes).toBeLessThan(asJson / 50)
})

test('pruning keeps the objects of the backups that are left, and their list, and nothing else', async () => {
  const first = makeObjects(600)
  const second = change(first, 50)
  const old = await backUp(0, first)
  const newest = await backUp(60, second)
  const { list } = await findManifest(store, newest.id)
  const now = new Date('2026-11-29T01:30:00Z')
  expect(await prune(store, '1h', now)).toMatchObject({ deleted: [`backups/${old.id}.json.gz`], files: 50 })
  expect(await readPaths(newest.id)).toEqual(toPaths(second))
  const files = [...store.blobs.keys()].filter((name) => name.startsWith('files/')).sort()
  expect(files).toEqual([...second.map(({ sha256 }) => sha256), list?.sha256 ?? ''].map(toBlobName).sort())
})

describe('damage', () => {
  let id: string
  let name: string
  let list: string
  beforeEach(async () => {
    const objects = makeObjects(500)
    await backUp(0, objects)
    id = (await backUp(1, change(objects, 1))).id
    name = `backups/${id}.json.gz`
    list = toBlobName((await findManifest(store, id)).list?.sha256 ?? '')
  })
  const cases: [string, () => void][] = [
    ['a cut manifest', () => store.blobs.set(name, (store.blobs.get(name) as Uint8Array).slice(0, -20))],
    ['a manifest with invalid JSON', () => store.blobs.set(name, gzipSync('{'))],
    ['another manifest', () => store.blobs.set(name, gzipSync('{"sha256":"","manifest":{}}'))],
    ['no list', () => store.blobs.delete(list)],
    ['a cut list', () => store.blobs.set(list, (store.blobs.get(list) as Uint8Array).slice(0, -20))],
    ['another list', () => store.blobs.set(list, gzipSync('[]'))],
  ]
  test.each(cases)('%s is found, and nothing is pruned', async (_, damage) => {
    damage()
    const before = store.blobs.size
    await expect(readManifest(store, id)).rejects.toMatchObject({ name: 'DamagedBackupError' })
    await expect(prune(store, '1h', new Date('2026-11-29T00:30:00Z'))).rejects.toThrow(
      `${name} of the target is damaged. No backup was deleted.`,
    )
    expect(store.blobs.size).toBe(before)
  })
})

test('a manifest of a newer layout is neither read nor pruned', async () => {
  const { id } = await backUp(0, makeObjects(3))
  const manifest = { layout: 3, somewhere: 'else' }
  const sha256 = createHash('sha256').update(JSON.stringify(manifest)).digest('hex')
  store.blobs.set(`backups/${id}.json`, JSON.stringify({ sha256, manifest }))
  await expect(readManifest(store, id)).rejects.toThrow('was written by a newer version of PerSQL')
  await expect(prune(store, '1h', new Date('2026-11-29T00:30:00Z'))).rejects.toThrow('written by a newer version')
  expect([...store.blobs.keys()].filter((name) => name.startsWith('files/'))).toHaveLength(3)
})
