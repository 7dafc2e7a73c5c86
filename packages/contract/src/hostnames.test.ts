import { expect, test } from 'vitest'
import { isHostname, recordName } from './hostnames.ts'

const label = 'a'.repeat(63)
/** Returns a hostname of this length. */
const long = (length: number) => `${`${label}.`.repeat(3)}${'b'.repeat(length - 196)}.com`

test.each([
  'api.acme.com',
  'acme.com',
  'a.b',
  'a-b.c-d.example',
  '1.example',
  '127.0.0.1.example',
  'xn--bcher-kva.example',
  'api.xn--p1ai',
  `${label}.example`,
  long(245),
])('%s is a hostname', (name) => expect(isHostname(name)).toBe(true))

test.each([
  '',
  'com',
  'localhost',
  'api.localhost',
  'API.acme.com',
  '127.0.0.1',
  '127.1',
  'a.0x7f',
  '1.2.3.4.5',
  '::1',
  '[::1]',
  '*.acme.com',
  'api.acme.com:443',
  'api.acme.com.',
  '.acme.com',
  'api..acme.com',
  '-api.acme.com',
  'api-.acme.com',
  'api.acme.com-',
  'under_score.acme.com',
  'bücher.example',
  'api acme.com',
  'api.acme.com/',
  'user@acme.com',
  'api.acme.com\n',
  `${label}a.example`,
  long(246),
])('%j is not a hostname', (name) => expect(isHostname(name)).toBe(false))

test('the record name of the longest hostname is still a valid DNS name', () => {
  expect(recordName(long(245))).toHaveLength(253)
})
