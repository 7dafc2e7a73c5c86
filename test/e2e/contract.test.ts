import { api } from '@persql/contract'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

const acme = uniqueName('acme')

let platform: SharedPlatform
let db: ReturnType<SharedPlatform['database']>

beforeAll(async () => {
  platform = await sharedPlatform()
  db = (await platform.createNamespace(acme)).db()
})
afterAll(() => platform.stop())

const address = { ns: acme, db: 'main' }
const param = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom({ base64: 'AQI=' }, { base64: '!' }, { base64: 1 }, { base64: 'AQI=', more: 1 }, {}, [], [1]),
  fc.constantFrom<unknown>(
    ...['7', '-9223372036854775808', '9223372036854775808', '', '1.0', 1, null].map((int64) => ({ int64 })),
    { int64: '1', base64: '' },
  ),
)
const sql = fc.constantFrom<unknown>('SELECT 1', '', 1, null)
const count = fc.constantFrom<unknown>(
  0,
  1,
  -1,
  1.5,
  '1',
  null,
  {},
  { min: 0 },
  { max: 9 },
  { min: 0, max: 9 },
  { min: -1 },
  { least: 1 },
)
const expectation = fc.oneof(
  fc.record({ rows: count, rowsWritten: count }, { requiredKeys: [] }),
  fc.constantFrom<unknown>(null, 1, [], { x: 1 }),
)
const statement = fc.record(
  {
    sql,
    params: fc.oneof(
      fc.array(param, { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', ':a', '@b', '$', '', '1'), param),
      fc.constantFrom<unknown>(null, {}, 'a'),
    ),
    int64: fc.constantFrom<unknown>('text', 'number', 'object', 'bigint', null),
    rows: fc.constantFrom<unknown>('objects', 'arrays', null),
    more: fc.constant(1),
  },
  { requiredKeys: [] },
)
const batched = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(statement, fc.option(expectation, { nil: undefined }))
      .map(([fields, expect]) => (expect === undefined ? fields : { ...fields, expect })),
  },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(null, 'SELECT 1', []) },
)
const batch = fc.record(
  {
    statements: fc.oneof(fc.array(batched, { maxLength: 3 }), fc.constant(null)),
    transaction: fc.constantFrom<unknown>(true, false, 1, null),
    int64: fc.constantFrom<unknown>('text', 1),
    rows: fc.constantFrom<unknown>('objects', 1),
    more: fc.constant(1),
  },
  { requiredKeys: [] },
)

test.each([
  ['query', statement],
  ['batch', batch],
] as const)('the checks of %s by hand accept what the contract accepts, and nothing else', async (name, bodies) => {
  await fc.assert(
    fc.asyncProperty(bodies as fc.Arbitrary<object>, async (body) => {
      const accepted = api[name].input.safeParse({ ...address, ...body }).success
      const answer = await db.request(`/${name}`, { body })
      expect([answer.body.code !== 'invalid_input', answer.body.error]).toEqual([accepted, answer.body.error])
    }),
    { numRuns: 600 },
  )
})
