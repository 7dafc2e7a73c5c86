import { expect, test } from 'vitest'
import { makeManifest, nameFiles } from '../../../../test/backup-manifest.ts'
import { MemoryStore } from '../../../../test/memory-store.ts'
import type { FoundManifest } from './manifest-file.ts'
import { StoredFiles, type Trust } from './stored-files.ts'

const hash = (digit: string) => digit.repeat(64)
const newest: FoundManifest = {
  manifest: makeManifest('2026-11-29T22:00:00.000Z', nameFiles([hash('a')])),
  list: { sha256: hash('b'), objects: [] },
}

/** Records the calls of a target that has some files. */
class RecordedStore extends MemoryStore {
  readonly calls: string[] = []

  constructor(digits: string[]) {
    super()
    for (const digit of digits) this.blobs.set(`files/${hash(digit)}`, 'stored')
  }

  override list(prefix: string) {
    this.calls.push('list')
    return super.list(prefix)
  }

  override has(name: string) {
    this.calls.push('has')
    return super.has(name)
  }

  override write(...blob: Parameters<MemoryStore['write']>) {
    this.calls.push('write')
    return super.write(...blob)
  }
}

const afterBackup: Trust = { newest }
const first: Trust = { newest: undefined }
const cases: [what: string, trust: Trust, stored: string[], kept: string, calls: string[]][] = [
  ['a file of the newest backup costs no request', afterBackup, ['a'], 'a', []],
  ['the list of the newest backup costs no request', afterBackup, ['b'], 'b', []],
  ['a file that an interrupted backup left costs one request', afterBackup, ['c'], 'c', ['has']],
  ['a new file is stored', afterBackup, [], 'c', ['has', 'write']],
  ['the same content is stored once', afterBackup, [], 'ccc', ['has', 'write']],
  ['a first backup lists what an interrupted one left', first, ['a', 'b'], 'ab', ['list']],
  ['a first backup asks for no file by its name', first, ['a'], 'abcb', ['list', 'write', 'write']],
  ['a full backup stores a file that the target has', 'none', ['a', 'c'], 'acac', ['write', 'write']],
]

test.each(cases)('%s', async (_what, trust, digits, kept, calls) => {
  const store = new RecordedStore(digits)
  const files = await StoredFiles.find(store, trust)
  for (const digit of kept) await files.keep(hash(digit), { text: 'content' }, 7)
  expect(store.calls).toEqual(calls)
  const written = calls.filter((call) => call === 'write').length
  expect(files.added).toEqual({ files: written, bytes: written * 7 })
  expect([...store.blobs.values()].filter((content) => content === 'content')).toHaveLength(written)
  for (const digit of kept) expect(store.blobs.has(`files/${hash(digit)}`)).toBe(true)
})
