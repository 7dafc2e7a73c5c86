import { api, errors, getEntryPoints, type Operation, shapes } from '@persql/contract'
import { describe, expect, test } from 'vitest'
import { type Document, findProblems, listOperations } from '../../../../../test/openapi-document.ts'
import { platformOpenApi } from './openapi.ts'

const operations: [string, Operation][] = Object.entries(api)
const document: Document = JSON.parse(JSON.stringify(platformOpenApi('https://sql.example.com')))
const at = (route: string) => {
  const [method, path] = route.split(' ') as [string, string]
  return document.paths[path]?.[method.toLowerCase()]
}
const listCodes = (route: string, status: number): string[] =>
  at(route).responses[status]?.content['application/json'].schema.properties.code.enum ?? []

test('the document of the platform is valid', async () => {
  expect(await findProblems(document)).toEqual([])
})

describe('what the check of documents is worth: it finds', () => {
  const broken: [string, RegExp, (document: Document) => void][] = [
    ['a document without a title', /^validator/, (d) => delete d.info.title],
    ['a response without a description', /^validator/, (d) => delete d.paths['/v1/me'].get.responses[200].description],
    [
      'a parameter that is nowhere',
      /^validator/,
      (d) => Object.assign(d.paths['/v1/databases/{slug}'].get.parameters[0], { in: 'body' }),
    ],
    [
      'an optional parameter of a path',
      /^validator/,
      (d) => delete d.paths['/v1/databases/{slug}'].get.parameters[0].required,
    ],
    ['a security scheme of no kind', /^validator/, (d) => delete d.components.securitySchemes.token.type],
    [
      'a type that JSON does not have',
      /^schema/,
      (d) => Object.assign(d.components.schemas.Database, { type: 'record' }),
    ],
    [
      "a bound that isn't a number",
      /^schema/,
      (d) => Object.assign(d.components.schemas.Error.properties.applied, { minimum: '0' }),
    ],
    [
      'a reference to nothing',
      /^nothing at #\/components\/schemas\/Database$/,
      (d) => delete d.components.schemas.Database,
    ],
    [
      'two operations of one name',
      /^operationId twice: query$/,
      (d) => Object.assign(d.paths['/v1/me'].get, { operationId: 'query' }),
    ],
    [
      'a variable of the path without a parameter',
      /^parameters of/,
      (d) => d.paths['/v1/databases/{slug}'].get.parameters.pop(),
    ],
    [
      'two paths that are one',
      /^path twice/,
      (d) => Object.assign(d.paths, { '/v1/databases/{id}': d.paths['/v1/databases/{slug}'] }),
    ],
  ]
  test.each(broken)('%s', async (_what, problem, breakIt) => {
    const copy = structuredClone(document)
    breakIt(copy)
    expect(await findProblems(copy)).toContainEqual(expect.stringMatching(problem))
  })
})

test.each(operations)('%s stands at each of its doors, and asks for what it asks for', (_name, operation) => {
  for (const [door, { method, path }] of getEntryPoints(operation)) {
    const described = at(`${method} ${path}`)
    expect(described).toMatchObject({ summary: operation.summary, tags: [expect.any(String)] })
    const scheme = door === 'session' ? 'session' : operation.scope === 'operator' ? 'operator' : 'token'
    expect(described.security).toEqual(operation.scope === 'anyone' ? [] : [{ [scheme]: [] }])
  }
})

test('nothing else stands there', () => {
  const doors = operations.flatMap(([, operation]) => getEntryPoints(operation))
  expect(listOperations(document)).toHaveLength(doors.length)
})

test.each(operations)(
  'every field of %s travels somewhere, and only what is needed is required',
  (_name, operation) => {
    const optional = Object.entries(operation.input.shape).filter(([, field]) => field.safeParse(undefined).success)
    for (const [, { method, path, inQuery }] of getEntryPoints(operation)) {
      const { parameters = [], requestBody } = at(`${method} ${path}`)
      const own = parameters.filter((p: Document) => p.in === 'path' || p.in === 'query')
      const body = requestBody?.content['application/json']?.schema ?? { properties: {} }
      const fields = [...own.map((p: Document) => p.name), ...Object.keys(body.properties)]
      expect(fields.filter((name) => name !== 'ns').sort()).toEqual(
        Object.keys(operation.input.shape)
          .filter((name) => name !== 'ns')
          .sort(),
      )
      const required = [
        ...own.filter((p: Document) => p.required).map((p: Document) => p.name),
        ...(body.required ?? []),
      ]
      for (const [name] of optional) expect(required).not.toContain(name)
      expect(required).toHaveLength(fields.length - optional.length)
      if (inQuery) expect(requestBody).toBeUndefined()
    }
  },
)

test('a refusal stands under its status, with the codes it can carry', () => {
  const query = 'POST /v1/db/{ns}/{db}/query'
  expect(listCodes(query, 401)).toEqual(['token_missing', 'token_malformed', 'token_unknown', 'token_audience'])
  expect(listCodes(query, 400)).toEqual(expect.arrayContaining(['invalid_json', 'invalid_input', 'sql_error']))
  expect(listCodes(query, 402)).toEqual(['insufficient_balance'])
  expect(listCodes(query, 422)).toEqual(['idempotency_mismatch'])
  expect(listCodes('GET /v1/billing', 402)).toEqual([])
  expect(listCodes('GET /v1/databases', 413)).toEqual([])
  expect(listCodes('GET /api/namespaces/{ns}/databases', 403)).toEqual([])
  expect(listCodes('POST /api/namespaces/{ns}/databases', 403)).toEqual(['role_insufficient', 'origin_refused'])
  expect(listCodes('GET /api/operator/namespaces', 401)).toEqual(['operator_only'])
  for (const { operation } of listOperations(document)) {
    for (const [status, { content }] of Object.entries<Document>(operation.responses)) {
      for (const code of content?.['application/json']?.schema.properties.code?.enum ?? []) {
        expect(errors[code as keyof typeof errors].status).toBe(Number(status))
      }
    }
  }
})

test('what the operation declares, its document says', () => {
  for (const [name, operation] of operations) {
    for (const [, { method, path }] of getEntryPoints(operation)) {
      for (const code of operation.errors ?? []) {
        expect(listCodes(`${method} ${path}`, errors[code].status), name).toContain(code)
      }
    }
  }
})

test.each([
  ['GET /v1/db/{ns}/{db}/subscribe', 409, ['quota_exceeded']],
  ['GET /v1/db/{ns}/{db}/wait_for_changes', 409, ['limit_reached', 'too_many_databases']],
  ...['POST /v1/db/{ns}/{db}/query', 'POST /v1/db/{ns}/{db}/ask', 'POST /v1/db/{ns}/{db}/ai/sql'].map(
    (route) => [route, 429, ['flood', 'too_busy']] as const,
  ),
  ...['GET /v1/db/{ns}/{db}/tables', 'GET /v1/db/{ns}/{db}/describe'].map(
    (route) => [route, 409, ['query_canceled']] as const,
  ),
  ...['POST /v1/db/{ns}/{db}/import', 'POST /v1/db/{ns}/{db}/branches/{ref}/merge'].map(
    (route) => [route, 403, ['approval_denied']] as const,
  ),
  ...['POST /v1/db/{ns}/{db}/query', 'POST /v1/db/{ns}/{db}/migrations/{id}/apply'].map(
    (route) => [route, 408, ['took_too_long']] as const,
  ),
  ['POST /v1/db/{ns}/{db}/query', 409, ['database_deleting']],
  ['POST /v1/db/{ns}/{db}/propose', 413, ['statement_too_long']],
  ...['DELETE /v1/tokens/{id}', 'GET /v1/db/{ns}/{db}/endpoints/{slug}'].map(
    (route) => [route, 403, ['not_for_scoped_token']] as const,
  ),
  ...['GET /v1/billing', 'POST /v1/db/{ns}/{db}/ai/indexes'].map(
    (route) => [route, 403, ['role_insufficient']] as const,
  ),
] as const)('%s lists the errors that its calls can have (%i)', (route, status, codes) => {
  expect(listCodes(route, status)).toEqual(expect.arrayContaining([...codes]))
})

test('headers of retries are where retries are safe', () => {
  const named = (route: string) =>
    at(route).parameters?.flatMap((p: Document) => (p.$ref ? [p.$ref.split('/').at(-1)] : [])) ?? []
  expect(named('POST /v1/db/{ns}/{db}/query')).toEqual(['Idempotency-Key', 'Plan-Key', 'Plan-Step'])
  expect(named('POST /v1/db/{ns}/{db}/batch')).toEqual(['Idempotency-Key', 'Plan-Key', 'Plan-Step'])
  expect(named('POST /v1/billing/topup')).toEqual(['Idempotency-Key'])
  expect(named('POST /v1/billing/transfer')).toEqual(['Idempotency-Key'])
  expect(named('POST /v1/tokens')).toEqual([])
  expect(Object.keys(at('POST /v1/db/{ns}/{db}/query').responses[200].headers)).toEqual([
    'Idempotency-Replayed',
    'Plan-Replayed',
  ])
  expect(at('GET /v1/me').responses[429].headers).toHaveProperty('Retry-After')
})

test('shapes with a name are described once, each of them', () => {
  expect(Object.keys(document.components.schemas).sort()).toEqual(
    [...Object.keys(shapes), 'Error', 'PaymentRequired'].sort(),
  )
  expect(at('GET /v1/databases').responses[200].content['application/json'].schema.properties.data).toEqual({
    type: 'array',
    items: { $ref: '#/components/schemas/Database' },
  })
})

test('the cookie has the name that browsers get it under', () => {
  const nameUnder = (baseUrl: string) =>
    (platformOpenApi(baseUrl) as Document).components.securitySchemes.session.name as string
  expect(nameUnder('https://sql.example.com')).toBe('__Secure-better-auth.session_token')
  expect(nameUnder('http://127.0.0.1:8787')).toBe('better-auth.session_token')
})

test('what becomes a WebSocket answers 101 instead of 200', () => {
  const [subscription] = listOperations(document).filter(({ operation }) => operation.responses[101])
  expect(subscription?.operation.responses[200]).toBeUndefined()
  expect(listCodes('GET /v1/db/{ns}/{db}/subscribe', 426)).toEqual(['upgrade_required'])
})
