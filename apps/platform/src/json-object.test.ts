import { describe, expect, test } from 'vitest'
import { isDeepJson, MAX_JSON_DEPTH, parseObject } from './json-object.ts'

const nested = (open: string, close: string, levels: number) => open.repeat(levels) + close.repeat(levels)

describe('the depth of JSON', () => {
  test.each<[string, string, boolean]>([
    ['arrays at the limit', nested('[', ']', MAX_JSON_DEPTH), false],
    ['arrays above the limit', nested('[', ']', MAX_JSON_DEPTH + 1), true],
    ['objects at the limit', `${'{"a":'.repeat(MAX_JSON_DEPTH)}1${'}'.repeat(MAX_JSON_DEPTH)}`, false],
    ['objects above the limit', `${'{"a":'.repeat(MAX_JSON_DEPTH + 1)}1${'}'.repeat(MAX_JSON_DEPTH + 1)}`, true],
    ['both in turn', `${'[{"a":'.repeat(MAX_JSON_DEPTH)}1${'}]'.repeat(MAX_JSON_DEPTH)}`, true],
    ['many beside each other', `[${'[],'.repeat(5_000)}[]]`, false],
    ['brackets in text', `{"sql":"${'['.repeat(5_000)}"}`, false],
    ['brackets in text behind escaped quotes', `{"sql":"\\"${'{'.repeat(5_000)}\\\\"}`, false],
    ['brackets behind text that ends with a backslash', `["\\\\",${nested('[', ']', 500)}]`, true],
    ['an end that never comes', '['.repeat(1_000_000), true],
    ['a million levels', nested('[', ']', 1_000_000), true],
  ])('%s', (_name, text, deep) => {
    expect(isDeepJson(text)).toBe(deep)
  })

  test('is refused as the mistake of the caller', () => {
    expect(() => parseObject(`{"claims":${nested('[', ']', 1_000_000)}}`)).toThrow(
      expect.objectContaining({ code: 'invalid_input' }),
    )
    expect(parseObject(`{"claims":${nested('[', ']', MAX_JSON_DEPTH - 1)}}`)).toHaveProperty('claims')
  })
})
