import { expect, test } from 'vitest'
import { chooseLogFormat, createLog, formatStderrLine } from './log.ts'

test.each([
  [undefined, true, '', 'color'],
  [undefined, true, '1', 'text'],
  [undefined, false, '', 'json'],
  ['json', true, '', 'json'],
  ['text', false, '', 'text'],
  ['text', true, '', 'color'],
  ['text', true, '1', 'text'],
] as const)('LOG_FORMAT=%s, a terminal: %s, NO_COLOR=%s: %s', (setting, isTTY, noColor, expected) => {
  expect(chooseLogFormat(setting, { isTTY }, noColor)).toBe(expected)
})

test('an event is one line in each format', () => {
  const lines: string[] = []
  for (const format of ['json', 'text'] as const) {
    createLog(format, (line) => lines.push(line))('error', 'reader_crashed', { reader: 1, signal: 'SIGKILL' })
  }
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'error', event: 'reader_crashed', reader: 1 })
  expect(lines[1]).toMatch(/^[\d:.]{12} reader_crashed {2}reader=1 {2}signal=SIGKILL\n$/)
})

test.each([
  ['{"level":"error","event":"internal_error","cause":"x"}', /^internal_error {2}cause=x$/],
  ['workerd/server: out of memory', /^workerd.server: out of memory$/],
  ['{"not json', /^{"not json$/],
])('of stderr, %s becomes readable', (line, expected) => {
  expect(formatStderrLine(line, 'text').trim()).toMatch(expected)
  expect(formatStderrLine(line, 'json')).toBe(line)
})
