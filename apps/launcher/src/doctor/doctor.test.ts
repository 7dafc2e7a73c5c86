import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { objectFile } from '../object-files.ts'
import { runDoctor } from './command.ts'
import { examineBackup, examineCells, examineClock, examineLeftovers, examineModes } from './examine-folder.ts'
import { examineInstanceClock } from './examine-instance.ts'
import { judgeDisk, judgeOpenFiles } from './examine-machine.ts'

const hourMs = 3_600_000
const nowMs = Date.parse('2026-06-01T12:00:00Z')

let data: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'persql-doctor-'))
})
afterEach(() => rmSync(data, { recursive: true }))

test.each([
  [{ freeBytes: 99, reserveBytes: 100 }, 'problem'],
  [{ freeBytes: 150, reserveBytes: 100 }, 'warning'],
  [{ freeBytes: 200, reserveBytes: 100 }, 'ok'],
  [{ freeBytes: 0, reserveBytes: 0 }, 'ok'],
])('the disk with %o is %s', (space, level) => {
  expect(judgeDisk(space)).toMatchObject({ level, subject: 'disk' })
})

test.each([
  [1_024, 'warning', 'about 256 databases'],
  [1_048_576, 'ok', 'about 349440 databases'],
])('a limit of %i open files is %s', (limit, level, text) => {
  expect(judgeOpenFiles(limit)).toMatchObject({ level, text: expect.stringContaining(text) })
})

test.each([
  ['Mon, 01 Jun 2026 12:00:03 GMT', undefined],
  [null, undefined],
  ['Mon, 01 Jun 2026 12:01:00 GMT', '60 s ahead of this machine'],
  ['Mon, 01 Jun 2026 11:59:00 GMT', '60 s behind this machine'],
])('a response of %s is compared with the clock', (date, text) => {
  const [finding] = examineInstanceClock(date, nowMs)
  if (text === undefined) expect(finding).toBeUndefined()
  else expect(finding).toMatchObject({ level: 'warning', text: expect.stringContaining(text) })
})

test.each([
  ['none', undefined, 'warning', 'none yet. Run "npm run operator -- backup <target>".'],
  ['a failed one', { at: nowMs - hourMs, ok: false }, 'problem', 'failed'],
  ['an old one', { at: nowMs - 30 * hourMs, ok: true }, 'warning', '30 hours ago'],
  ['a recent one', { at: nowMs - 60_000, ok: true }, 'ok', 'less than 1 hour ago'],
])('the last backup: %s', async (_, record, level, text) => {
  if (record !== undefined) writeFileSync(join(data, 'last-backup.json'), JSON.stringify(record))
  expect(await examineBackup(data, nowMs)).toMatchObject({ level, text: expect.stringContaining(text) })
})

test.each([
  [0o700, 0o600, 0o755, ['ok']],
  [0o755, 0o600, 0o700, ['ok']],
  [0o755, 0o600, 0o755, ['warning']],
  [0o700, 0o644, 0o700, ['problem']],
  [0o750, 0o640, 0o750, ['problem', 'warning']],
])('a data folder of mode %o with a secret of mode %o and objects of mode %o', (folder, secret, objects, levels) => {
  writeFileSync(join(data, 'secret'), 'x')
  mkdirSync(join(data, 'objects'))
  chmodSync(join(data, 'objects'), objects)
  chmodSync(join(data, 'secret'), secret)
  chmodSync(data, folder)
  expect(examineModes(data).map(({ level }) => level)).toEqual(levels)
})

test.each([
  ['2026-06-01T11:00:00Z', 'ok'],
  ['2026-06-01T13:00:00Z', 'problem'],
])('a last write at %s makes the clock %s', (written, level) => {
  const file = objectFile(data, 'namespace', 'acme')
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, '')
  utimesSync(file, new Date(written), new Date(written))
  expect(examineClock(data, nowMs)).toMatchObject({ level })
})

test('leftovers of a running instance are those that are an hour old', () => {
  const results = join(data, 'tmp', 'results', '0')
  mkdirSync(results, { recursive: true })
  expect(examineLeftovers(data, false, nowMs)).toMatchObject({ level: 'ok' })
  const file = join(results, 'result')
  writeFileSync(file, 'rows')
  utimesSync(file, new Date(nowMs), new Date(nowMs - hourMs / 2))
  expect(examineLeftovers(data, true, nowMs)).toMatchObject({ level: 'ok' })
  expect(examineLeftovers(data, true, nowMs + hourMs)).toMatchObject({ level: 'warning' })
  expect(examineLeftovers(data, false, nowMs)).toMatchObject({ level: 'warning', text: expect.stringContaining(file) })
})

test.each([
  [1, undefined, 'ok'],
  [1, '1', 'ok'],
  [2, '3', 'problem'],
  [3, undefined, 'problem'],
])('a folder of %i cells with PERSQL_CELLS=%s', (cells, setting, level) => {
  expect(examineCells(data, cells, setting)).toMatchObject({ level, subject: 'cells' })
})

test.each([
  ['an unknown option', ['doctor', '--fix'], /Unknown option '--fix'/],
  ['two files', ['doctor', 'a', 'b'], /Unexpected argument "b"/],
  ['another file', ['doctor', 'secret'], /Invalid file "secret"/],
  ['a missing file', ['doctor', `${'0'.repeat(64)}.sqlite`], /not found in the objects/],
])('wrong arguments: %s', async (_, args, message) => {
  await expect(runDoctor(args, { PERSQL_DATA: data })).rejects.toThrow(message)
})

test('an invalid setting is refused', async () => {
  const environment = { PERSQL_DATA: data, PERSQL_DISK_RESERVE_MB: 'much' }
  await expect(runDoctor(['doctor'], environment)).rejects.toThrow('Invalid PERSQL_DISK_RESERVE_MB "much".')
})

test('a stamp of a newer program is a problem', async () => {
  const stamp = { format: 9_999, writtenBy: '99.0.0', oldestReader: 9_999 }
  writeFileSync(join(data, 'format.json'), JSON.stringify(stamp))
  const { text, exitCode } = await runDoctor(['doctor'], { PERSQL_DATA: data })
  expect(text).toMatch(/^problem {2}data format: .*Start PerSQL 99\.0\.0 or newer\.$/m)
  expect(exitCode).toBe(1)
})

test('a used folder without objects is a problem', async () => {
  writeFileSync(join(data, 'format.json'), JSON.stringify({ format: 4, writtenBy: '1.0.0', oldestReader: 4 }))
  const { text, exitCode } = await runDoctor(['doctor'], { PERSQL_DATA: data })
  expect(text).toMatch(/^problem {2}files: objects\/ not found/m)
  expect(exitCode).toBe(1)
})

test('a new folder without data is fine', async () => {
  const { text, exitCode } = await runDoctor(['doctor'], { PERSQL_DATA: data, PERSQL_DISK_RESERVE_MB: '0' })
  expect(text).not.toMatch(/^problem/m)
  expect(exitCode).toBe(0)
})
