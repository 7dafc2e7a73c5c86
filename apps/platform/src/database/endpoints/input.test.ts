import { PerSQLError } from '@persql/contract'
import { type FieldSpec, validateEndpointSpec } from '@persql/endpoint-spec'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inputReader } from './input.ts'

type FieldInput = Omit<Partial<FieldSpec>, 'enum'> & { enum?: readonly string[] }

const createSpec = (input: readonly FieldInput[], more: object = {}) => {
  const places = input.map(() => '?').join(', ')
  const base = { slug: 's', name: 'S', kind: 'query', method: 'POST', sql: `SELECT ${places}`, output: 'rows' }
  const result = validateEndpointSpec({ ...base, input, ...more })
  if (!result.ok) throw new Error(JSON.stringify(result.errors))
  return result.spec
}

/** Returns the values that are bound for a body, or the problem of each field. */
function read(
  input: readonly FieldInput[],
  body: unknown,
  session?: { userId: string; email: string | null; issuedAtS: number },
) {
  const reader = inputReader(createSpec(input, session ? { auth: 'session' } : {}))
  try {
    return reader('POST', typeof body === 'string' ? body : JSON.stringify(body), session).bound
  } catch (cause) {
    return (cause as PerSQLError).extra.fields ?? (cause as PerSQLError).code
  }
}

function readQuery(input: readonly FieldInput[], query: string) {
  try {
    return inputReader(createSpec(input, { method: 'GET' }))('GET', query, undefined).bound
  } catch (cause) {
    return (cause as PerSQLError).extra.fields
  }
}

test('binds values in the order of the fields, for every order of the body', () => {
  const input = [
    { name: 'a', type: 'text' },
    { name: 'b', type: 'boolean' },
    { name: 'c', type: 'json' },
    { name: 'd', type: 'integer' },
  ] as const
  expect(read(input, { d: 7, c: { x: [1, null] }, b: true, a: "'; DROP TABLE t --" })).toEqual([
    "'; DROP TABLE t --",
    1,
    '{"x":[1,null]}',
    7,
  ])
  expect(read(input, {})).toEqual([null, null, null, null])
})

test('reports all problems together, by field', () => {
  const input = [
    { name: 'mail', type: 'email', required: true },
    { name: 'age', type: 'integer', min: 18 },
    { name: 'color', type: 'text', enum: ['red', 'blue'] },
    { name: 'site', type: 'url' },
    { name: 'code', type: 'text', pattern: '^[A-Z]{3}$', maxLength: 3 },
    { name: 'ok', type: 'boolean' },
  ] as const
  const body = {
    mail: 'ada',
    age: 17.5,
    color: 'green',
    site: 'javascript:alert(1)',
    code: 'abcd',
    ok: 'yes',
    more: 1,
    $user_id: 1,
  }
  expect(read(input, body)).toEqual({
    mail: 'Must be an email address.',
    age: 'Must be an integer.',
    color: 'Must be one of red, blue.',
    site: 'Must be a URL that starts with http:// or https://.',
    code: 'Must be at most 3 characters.',
    ok: 'Must be true or false.',
    more: 'Unknown field.',
    $user_id: 'Unknown field.',
  })
  expect(read(input, {})).toEqual({ mail: 'This field is required.' })
  expect(read(input, { mail: '' })).toEqual({ mail: 'This field is required.' })
})

test.each<[string, FieldSpec['type'], unknown]>([
  ['a text', 'text', 1],
  ['a text', 'text', {}],
  ['a text of half a character', 'text', '\ud800'],
  ['an integer as text', 'integer', '1'],
  ['an integer beyond 2^53', 'integer', 2 ** 53],
  ['a number as text', 'number', '1.5'],
  ['a boolean as number', 'boolean', 1],
  ['an e-mail with a line break', 'email', 'a@example.com\nBcc: b@example.com'],
  ['a URL with spaces', 'url', 'https://a b'],
  ['a deep value', 'json', JSON.parse('['.repeat(200) + ']'.repeat(200))],
])('%s is refused', (_what, type, value) => {
  expect(read([{ name: 'a', type }], { a: value })).toHaveProperty('a')
})

test.each(['[]', '1', '"a"', 'null', '[[[', '{"a":1', `${'['.repeat(500_000)}`, '{"__proto__": {"a": 1}}'])(
  'rejects a body that is not an object of fields: %#',
  (body) => {
    const refused = read([{ name: 'a', type: 'integer' }], body)
    expect(['invalid_json', 'invalid_input', '{"__proto__":"Unknown field."}']).toContain(
      typeof refused === 'string' ? refused : JSON.stringify(refused),
    )
  },
)

describe('a query string', () => {
  const input = [
    { name: 'n', type: 'integer' },
    { name: 'x', type: 'number' },
    { name: 'b', type: 'boolean' },
    { name: 'j', type: 'json' },
    { name: 't', type: 'text' },
  ] as const
  test('is converted to the types of the fields', () => {
    expect(readQuery(input, 'n=7&x=-1.5e3&b=true&j=%7B%22a%22%3A1%7D&t=1')).toEqual([7, -1500, 1, '{"a":1}', '1'])
    expect(readQuery(input, 'n=&x=&b=&j=&t=')).toEqual([null, null, null, null, ''])
  })
  test('is rejected if a value has another type', () => {
    expect(readQuery(input, 'n=7x&x=1e999&b=maybe&j={&t=1&t=2')).toEqual({
      n: 'Must be a number.',
      x: 'Must be a number.',
      b: 'Must be true or false.',
      j: 'Must be valid JSON.',
      t: 'This field is set more than once.',
    })
  })
  test.each(['u=1', 'u=1&u=2', 'utm_source=mail&fbclid=x', '__proto__=1', 'n[]=1', '%00=1', '=1'])(
    'is read without parameters that are not fields: %s',
    (more) => {
      expect(readQuery(input, `n=7&${more}`)).toEqual([7, null, null, null, null])
    },
  )
  test('is rejected if it contains session fields', () => {
    expect(readQuery(input, 'n=7&$user_id=7')).toEqual({ $user_id: 'Unknown field.' })
  })
})

test('fields of the session come from the session, in their type', () => {
  const session = { userId: '42', email: null, issuedAtS: 1_700_000_000 }
  const input = [
    { name: '$user_id', type: 'integer' },
    { name: '$user_email', type: 'email' },
    { name: '$session_iat', type: 'integer' },
  ] as const
  expect(read(input, {}, session)).toEqual([42, null, 1_700_000_000])
  expect(read([{ name: '$user_id', type: 'text' }], {}, session)).toEqual(['42'])
  expect(read(input, {}, { ...session, userId: '4x' })).toBe('session_invalid')
})

test('unsupported patterns are rejected when they are saved, the others run in linear time', () => {
  for (const pattern of ['(?=a)b', '(a)\\1', '(?<!a)b']) {
    expect(() => inputReader(createSpec([{ name: 'a', type: 'text', pattern }]))).toThrow(/input\[0\].pattern/)
  }
  // Backtracking would need some 2^60 steps for this.
  expect(read([{ name: 'a', type: 'text', pattern: '^(a+)+$' }], { a: `${'a'.repeat(60)}b` })).toHaveProperty('a')
})

test('accepts integers and numbers exactly within their bounds', () => {
  const bounds = fc.tuple(fc.integer(), fc.integer()).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
  fc.assert(
    fc.property(
      bounds,
      fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
      ([min, max], value) => {
        const sent = JSON.parse(JSON.stringify(value)) as number
        const fits = sent >= min && sent <= max
        expect(Array.isArray(read([{ name: 'a', type: 'number', min, max }], { a: value }))).toBe(
          fits && (!Number.isInteger(sent) || Number.isSafeInteger(sent)),
        )
        expect(Array.isArray(read([{ name: 'a', type: 'integer', min, max }], { a: value }))).toBe(
          fits && Number.isSafeInteger(sent),
        )
      },
    ),
  )
})

test('returns every JSON value unchanged', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
      fc.pre(value !== null)
      const bound = read([{ name: 'a', type: 'json' }], { a: value })
      expect(JSON.parse((bound as string[])[0] as string)).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('every invalid body fails with the problems of its fields', () => {
  const input = [
    { name: 'a', type: 'text', required: true, maxLength: 5 },
    { name: 'b', type: 'json' },
    { name: 'c', type: 'url' },
  ] as const
  const reader = inputReader(createSpec(input))
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.object().map((value) => JSON.stringify(value)),
      ),
      (body) => {
        try {
          expect(reader('POST', body, undefined).bound).toHaveLength(3)
        } catch (cause) {
          expect(cause).toBeInstanceOf(PerSQLError)
          expect((cause as PerSQLError).status).toBe(400)
        }
      },
    ),
    { numRuns: 1_000 },
  )
})
