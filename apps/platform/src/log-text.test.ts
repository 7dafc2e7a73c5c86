import { expect, test } from 'vitest'
import { formatLogText } from './log-text.ts'

const request = {
  at: '2026-01-02T03:04:05.678Z',
  level: 'info',
  event: 'request',
  requestId: '0f6d3c1e-1b1c-4a9d-9f9a-7b1de6a4a001',
  method: 'POST',
  path: '/v1/db/acme/main/query',
  operation: 'query',
  namespace: 'acme',
  database: 'main',
  status: 200,
  ms: 0.38,
  address: '127.0.0.1',
}

test.each([
  [
    request,
    '03:04:05.678·200·····0.38·ms··query···············acme/main·················0f6d3c1e-1b1c-4a9d-9f9a-7b1de6a4a001',
  ],
  [
    { ...request, operation: 'list_databases', database: undefined, status: 401, ms: 1234.5, code: 'token_unknown' },
    '03:04:05.678·401·····1235·ms··list_databases······acme······················0f6d3c1e-1b1c-4a9d-9f9a-7b1de6a4a001··token_unknown',
  ],
  [
    { ...request, operation: 'none', namespace: undefined, database: undefined, method: 'GET', path: '/x', ms: 99.999 },
    '03:04:05.678·200···100.00·ms··GET·················/x························0f6d3c1e-1b1c-4a9d-9f9a-7b1de6a4a001',
  ],
  [
    {
      at: request.at,
      level: 'error',
      event: 'statement_killed',
      seconds: 30,
      database: 'a/b',
      sql: 'SELECT "x"\nFROM t',
    },
    '03:04:05.678·statement_killed··seconds=30··database=a/b··sql="SELECT·\\"x\\"\\nFROM·t"',
  ],
])('an entry becomes one aligned line: %#', (fields, line) => {
  expect(formatLogText(fields, false).replaceAll(' ', '·')).toBe(line)
})

test('colors add nothing but colors', () => {
  const colored = formatLogText({ ...request, status: 503, code: 'unavailable' }, true)
  expect(colored).toContain('\x1b[31m503\x1b[0m')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colors are control characters
  expect(colored.replace(/\x1b\[\d+m/g, '')).toBe(
    formatLogText({ ...request, status: 503, code: 'unavailable' }, false),
  )
})

test('text of a caller neither starts a line nor controls the terminal', () => {
  const evil = 'a\n03:04:05.678 200\x1b[2J\x9b31m\r\u202e\u2028'
  for (const fields of [
    { ...request, namespace: evil, database: evil, code: evil },
    { ...request, operation: 'none', namespace: undefined, database: undefined, path: evil, method: evil },
    { at: request.at, event: evil, sql: evil, [evil]: evil },
  ]) {
    expect(formatLogText(fields, false)).toMatch(/^[\x20-\x7e]+$/)
  }
})
