import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readLastBackup, recordBackup } from './last-backup.ts'
import { readProcessUse } from './process-use.ts'

let data: string
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'persql-backup-'))
})
afterEach(() => rm(data, { recursive: true }))

test.each([
  [
    '{"at":"2026-01-02T03:04:05.000Z","ok":true}',
    { atMs: 1_767_323_045_000, ok: true, succeededAtMs: 1_767_323_045_000, failures: 0 },
  ],
  ['{"at":1767323045000,"ok":false,"more":1}', { atMs: 1_767_323_045_000, ok: false, failures: 1 }],
  [
    '{"at":1767323045000,"ok":false,"succeededAt":1767323000000,"failures":3}',
    { atMs: 1_767_323_045_000, ok: false, succeededAtMs: 1_767_323_000_000, failures: 3 },
  ],
  ['{"at":"yesterday","ok":true}', undefined],
  ['{"at":1}', undefined],
  ['{"at":', undefined],
])('the file %s is read as %o', async (text, expected) => {
  await writeFile(join(data, 'last-backup.json'), text)
  expect(await readLastBackup(data)).toEqual(expected)
})

test('failures count until a backup succeeds, and the last success is remembered', async () => {
  const read = async () => {
    const { ok, succeededAtMs, failures } = (await readLastBackup(data)) ?? {}
    return [ok, succeededAtMs, failures]
  }
  await recordBackup(data, undefined)
  expect(await read()).toEqual([false, undefined, 1])
  await recordBackup(data, new Date(1_000))
  expect(await read()).toEqual([true, 1_000, 0])
  for (let i = 0; i < 2; i++) await recordBackup(data, undefined)
  expect(await read()).toEqual([false, 1_000, 2])
  await recordBackup(data, new Date(2_000))
  expect(await read()).toEqual([true, 2_000, 0])
})

test('without a file no last backup is known', async () => {
  expect(await readLastBackup(data)).toBeUndefined()
})

test('the use of a process is in bytes and seconds, and that of an ended process is unknown', async () => {
  const own = await readProcessUse(process.pid)
  expect(own?.residentBytes).toBeGreaterThan(10 * 1024 * 1024)
  expect(own?.cpuSeconds).toBeGreaterThan(0)
  expect(own?.cpuSeconds).toBeLessThan(1e6)
  if (process.platform === 'linux') expect(own?.openFds).toBeGreaterThan(2)
  expect(await readProcessUse(2 ** 30)).toBeUndefined()
})
