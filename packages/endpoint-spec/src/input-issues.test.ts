import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { describeIssue, toFieldMessage, toSentence } from './input-issues.ts'

const Range = z.strictObject({ min: z.int().min(0).optional(), max: z.int().optional() })

const Input = z.strictObject({
  any: z.json().optional(),
  base64: z.base64().optional(),
  choice: z.enum(['open', 'invite', 'off']).optional(),
  code: z.string().regex(/^x/).optional(),
  custom: z
    .string()
    .refine((text) => text === 'x', 'must be x')
    .optional(),
  email: z.email().max(200).optional(),
  exactly: z.literal('password_hash').optional(),
  flag: z.boolean().default(false),
  least: z.number().min(0.5).optional(),
  limit: z.int().min(1).max(500).default(100),
  list: z.array(z.string().min(1).max(200)).max(100).optional(),
  listed: z.array(z.string()).min(1).optional(),
  many: z.array(z.string()).min(1).max(20).optional(),
  map: z.record(z.string().min(1).max(3), z.boolean()).optional(),
  most: z.int().max(9).optional(),
  name: z.string().trim().min(1).max(80).optional(),
  nested: Range.optional(),
  nothing: z.null().optional(),
  nullable: z.string().nullable().optional(),
  piped: z.string().transform(Number).optional(),
  some: z.string().min(1).optional(),
  step: z.number().multipleOf(5).optional(),
  text: z.string().optional(),
  time: z.iso.datetime().optional(),
  ttl: z.int().min(60).max(604_800).optional(),
  union: z.union([z.string(), z.int(), z.null()]).optional(),
  url: z.url().max(2_000).optional(),
  whole: z.int().optional(),
})

const listIssues = (input: unknown, schema: z.ZodType = Input, hidden: string[] = []) =>
  schema.safeParse(input, { error: describeIssue(schema, hidden) }).error?.issues ?? []
const sentences = (input: unknown, schema?: z.ZodType, hidden?: string[]) =>
  listIssues(input, schema, hidden).map(toSentence)

describe('each kind of issue is a sentence about its field', () => {
  test.each<[string, unknown, string]>([
    // invalid_type
    ['text', 1, '"text" must be a string.'],
    ['some', 1, '"some" must be a non-empty string.'],
    ['name', 1, '"name" must be a string of 1 to 80 characters.'],
    ['nullable', 1, '"nullable" must be a string or null.'],
    ['nothing', 1, '"nothing" must be null.'],
    ['flag', 'yes', '"flag" must be true or false.'],
    ['whole', 1.5, '"whole" must be an integer.'],
    ['limit', '5', '"limit" must be an integer from 1 to 500.'],
    ['least', true, '"least" must be a number of at least 0.5.'],
    ['list', 'a', '"list" must be an array of at most 100 items.'],
    ['list', [1], '"list[0]" must be a string of 1 to 200 characters.'],
    ['map', [], '"map" must be an object.'],
    ['map', { a: 1 }, '"map.a" must be true or false.'],
    ['nested', 1, '"nested" must be an object.'],
    ['piped', 1, '"piped" must be a string.'],
    // too_small, too_big
    ['name', ' ', '"name" must be a string of 1 to 80 characters.'],
    ['name', 'x'.repeat(81), '"name" must be a string of 1 to 80 characters.'],
    ['some', '', '"some" must be a non-empty string.'],
    ['limit', 0, '"limit" must be an integer from 1 to 500.'],
    ['limit', 501, '"limit" must be an integer from 1 to 500.'],
    ['ttl', 5, '"ttl" must be an integer from 60 to 604,800.'],
    ['least', 0, '"least" must be a number of at least 0.5.'],
    ['most', 10, '"most" must be an integer of at most 9.'],
    ['listed', [], '"listed" must be a non-empty array.'],
    ['many', [], '"many" must be an array of 1 to 20 items.'],
    ['list', Array(101).fill('a'), '"list" must be an array of at most 100 items.'],
    ['nested', { min: -1 }, '"nested.min" must be an integer of at least 0.'],
    ['email', `${'x'.repeat(200)}@example.com`, '"email" must be an email address of at most 200 characters.'],
    // invalid_format
    ['email', 'ada', '"email" must be an email address of at most 200 characters.'],
    ['url', 'x', '"url" must be a URL of at most 2,000 characters.'],
    ['time', 'today', '"time" must be an ISO 8601 UTC time such as 2026-01-31T12:00:00Z.'],
    ['base64', '?', '"base64" must be base64.'],
    ['code', 'y', '"code" has an invalid format.'],
    // invalid_value
    ['choice', 'shut', '"choice" must be one of open, invite, off.'],
    ['exactly', 'x', '"exactly" must be password_hash.'],
    // invalid_union
    ['union', 1.5, '"union" must be a string, an integer or null.'],
    ['any', Symbol('x'), '"any" must be a JSON value.'],
    // invalid_key, not_multiple_of, custom
    ['map', { long: true }, '"map.long" isn\'t a valid key.'],
    ['step', 3, '"step" must be a multiple of 5.'],
    ['custom', 'y', '"custom" must be x.'],
    // unrecognized_keys
    ['nested', { min: 1, mox: 2 }, 'Unknown field "nested.mox". Allowed: min, max.'],
  ])('%s: %j', (field, value, sentence) => {
    expect(sentences({ [field]: value })).toEqual([sentence])
  })

  test('a missing field of any type is required', () => {
    const Required = z.object({
      name: z.string().min(1),
      mode: z.enum(['a', 'b']),
      id: z.union([z.string(), z.int()]),
      list: z.array(z.string()),
      value: z.json(),
    })
    expect(sentences({}, Required)).toEqual([
      '"name" is required.',
      '"mode" is required.',
      '"id" is required.',
      '"list" is required.',
      '"value" is required.',
    ])
  })

  test('names unknown fields and the allowed ones, except those of the path', () => {
    const Small = z.strictObject({ ns: z.string(), name: z.string() })
    const known = { ns: 'acme', name: 'x' }
    expect(sentences({ ...known, nam: 1 }, Small, ['ns'])).toEqual(['Unknown field "nam". Allowed: name.'])
    expect(sentences({ ...known, a: 1, b: 2 }, Small)).toEqual(['Unknown fields "a", "b". Allowed: ns, name.'])
    expect(sentences({ a: 1 }, z.strictObject({}))).toEqual(['Unknown field "a". No fields are allowed.'])
  })

  test('describes an input that is not an object, and a rule for the whole input', () => {
    expect(sentences('x', Range)).toEqual(['The input must be an object.'])
    expect(
      sentences(
        {},
        Range.refine(() => false, 'must have min, max or both'),
      ),
    ).toEqual(['The input must have min, max or both.'])
  })
})

test('a field message omits the name of the field', () => {
  const messages = (input: object, schema?: z.ZodType) => listIssues(input, schema).map(toFieldMessage)
  expect(messages({ limit: 0 })).toEqual(['Must be an integer from 1 to 500.'])
  expect(messages({ other: 0 })).toEqual([expect.stringMatching(/^Unknown field "other"\. Allowed: any, base64, /)])
  expect(messages({}, z.object({ name: z.string() }))).toEqual(['This field is required.'])
})

test('counts of 1 are in the singular', () => {
  const input = { code: 'xx', pair: ['a', 'b'], exact: 'yy' }
  const schema = z.object({
    code: z.string().max(1),
    pair: z.array(z.string()).min(1).max(1),
    exact: z.string().min(1).max(1),
  })
  expect(sentences(input, schema)).toEqual([
    '"code" must be a string of at most 1 character.',
    '"pair" must be an array of 1 item.',
    '"exact" must be a string of 1 character.',
  ])
})
