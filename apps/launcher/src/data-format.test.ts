import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { stampData } from './data-format.ts'

let data: string
let file: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'persql-format-'))
  file = join(data, 'format.json')
})
afterEach(() => rmSync(data, { recursive: true }))

const stamp = () => JSON.parse(readFileSync(file, 'utf8'))
const current = { format: 6, writtenBy: expect.stringMatching(/^\d+\.\d+\.\d+/), oldestReader: 6 }

test('stamps a new folder, and one of a version without stamps', async () => {
  await stampData(data)
  expect(stamp()).toEqual(current)
  rmSync(file)
  mkdirSync(join(data, 'objects'))
  await stampData(data)
  expect(stamp()).toEqual(current)
})

test.each([
  [{ format: 1, writtenBy: '0.0.9', oldestReader: 1 }, 'an older format'],
  [{ format: 6, writtenBy: '0.0.9', oldestReader: 6 }, 'another version of the same format'],
  [{ format: 6, writtenBy: '0.0.9', oldestReader: 1 }, 'the same format with an older reader'],
])('%j is updated: %s', async (found) => {
  writeFileSync(file, JSON.stringify(found))
  await stampData(data)
  expect(stamp()).toEqual(current)
})

test('keeps the stamp of a newer program if its data is readable', async () => {
  const newer = { format: 8, writtenBy: '9.1.0', oldestReader: 2, more: true }
  writeFileSync(file, JSON.stringify(newer))
  await stampData(data)
  expect(stamp()).toEqual(newer)
})

test.each([
  { format: 7, writtenBy: '9.1.0', oldestReader: 7 },
  { format: 99, writtenBy: '9.1.0', oldestReader: 50 },
])('%j is rejected with both versions, without changes', async (newer) => {
  writeFileSync(file, JSON.stringify(newer))
  await expect(stampData(data)).rejects.toThrow(
    new RegExp(
      `^.* was written by PerSQL 9\\.1\\.0 \\(data format ${newer.format}\\).* This is PerSQL \\d+\\.\\d+\\.\\d+ `,
    ),
  )
  expect(stamp()).toEqual(newer)
})

test.each([
  '',
  '{',
  'null',
  '[]',
  '{}',
  '{"format":2}',
  '{"format":"2","writtenBy":"1.0.0","oldestReader":2}',
  '{"format":0,"writtenBy":"1.0.0","oldestReader":1}',
  '{"format":1.5,"writtenBy":"1.0.0","oldestReader":1}',
  '{"format":2,"writtenBy":"","oldestReader":1}',
  '{"format":2,"writtenBy":"1.0.0","oldestReader":-1}',
  '{"format":4,"writtenBy":"1.0.0","oldestReader":4,"cells":0}',
  '{"format":4,"writtenBy":"1.0.0","oldestReader":4,"cells":"2"}',
  '\u0000'.repeat(4096),
])('rejects a damaged stamp: %j', async (text) => {
  writeFileSync(file, text)
  await expect(stampData(data)).rejects.toThrow(/format\.json is damaged/)
  expect(readFileSync(file, 'utf8')).toBe(text)
})

test('rejects an unreadable stamp, and ignores a draft from a crash', async () => {
  mkdirSync(file)
  await expect(stampData(data)).rejects.toThrow(/Can't read .*format\.json/)
  rmSync(file, { recursive: true })
  writeFileSync(`${file}.new`, '{"form')
  chmodSync(`${file}.new`, 0o600)
  await stampData(data)
  expect(stamp()).toEqual(current)
  expect(existsSync(`${file}.new`)).toBe(false)
})

test('records the number of cells, which older programs do not know', async () => {
  await stampData(data, 3)
  expect(stamp()).toEqual({ ...current, oldestReader: 6, cells: 3 })
  await stampData(data, 3)
  writeFileSync(file, JSON.stringify({ ...stamp(), writtenBy: '0.0.9' }))
  await stampData(data, 3)
  expect(stamp()).toEqual({ ...current, oldestReader: 6, cells: 3 })
})

test.each([
  ['a stamp with another number', { format: 4, writtenBy: '0.0.9', oldestReader: 4, cells: 2 }, 2, 3],
  ['a stamp with several, by one', { format: 4, writtenBy: '0.0.9', oldestReader: 4, cells: 2 }, 2, 1],
  ['a stamp without a number', { format: 3, writtenBy: '0.0.9', oldestReader: 3 }, 1, 2],
  ["a newer program's stamp", { format: 9, writtenBy: '9.0.0', oldestReader: 4, cells: 2 }, 2, 4],
  ['objects without a stamp', undefined, 1, 2],
])('rejects %s with both numbers, without changes', async (_, found, before, wanted) => {
  if (found) writeFileSync(file, JSON.stringify(found))
  else mkdirSync(join(data, 'objects'))
  await expect(stampData(data, wanted)).rejects.toThrow(
    `was created with PERSQL_CELLS=${before}, but PERSQL_CELLS is ${wanted}.`,
  )
  expect(existsSync(file) ? stamp() : undefined).toEqual(found)
})
