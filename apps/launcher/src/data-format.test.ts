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
const current = { format: 2, writtenBy: expect.stringMatching(/^\d+\.\d+\.\d+/), oldestReader: 2 }

test('a new folder is stamped, and so is one that was written before there was a stamp', async () => {
  await stampData(data)
  expect(stamp()).toEqual(current)
  rmSync(file)
  mkdirSync(join(data, 'objects'))
  await stampData(data)
  expect(stamp()).toEqual(current)
})

test.each([
  [{ format: 1, writtenBy: '0.0.9', oldestReader: 1 }, 'an older format'],
  [{ format: 2, writtenBy: '0.0.9', oldestReader: 2 }, 'another version of the same format'],
  [{ format: 2, writtenBy: '0.0.9', oldestReader: 1 }, 'the same format with an older reader'],
])('%j is brought up to date: %s', async (found) => {
  writeFileSync(file, JSON.stringify(found))
  await stampData(data)
  expect(stamp()).toEqual(current)
})

test('the stamp of a newer program whose data this one can read stays', async () => {
  const newer = { format: 7, writtenBy: '9.1.0', oldestReader: 2, more: true }
  writeFileSync(file, JSON.stringify(newer))
  await stampData(data)
  expect(stamp()).toEqual(newer)
})

test.each([
  { format: 3, writtenBy: '9.1.0', oldestReader: 3 },
  { format: 99, writtenBy: '9.1.0', oldestReader: 50 },
])('%j is refused with both versions, and nothing is changed', async (newer) => {
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
  '\u0000'.repeat(4096),
])('a damaged stamp is refused: %j', async (text) => {
  writeFileSync(file, text)
  await expect(stampData(data)).rejects.toThrow(/format\.json is damaged/)
  expect(readFileSync(file, 'utf8')).toBe(text)
})

test('a stamp that cannot be read is refused, and a draft that a crash left does no harm', async () => {
  mkdirSync(file)
  await expect(stampData(data)).rejects.toThrow(/Can't read .*format\.json/)
  rmSync(file, { recursive: true })
  writeFileSync(`${file}.new`, '{"form')
  chmodSync(`${file}.new`, 0o600)
  await stampData(data)
  expect(stamp()).toEqual(current)
  expect(existsSync(`${file}.new`)).toBe(false)
})
