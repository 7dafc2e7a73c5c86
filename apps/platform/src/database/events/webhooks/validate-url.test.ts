import { expect, test } from 'vitest'
import { urlProblem } from './validate-url.ts'

test.each([
  'https://127.0.0.1/',
  'https://2130706433/',
  'https://0x7f.1/',
  'https://017700000001/',
  'https://0.0.0.0/',
  'https://10.1.2.3/',
  'https://100.64.0.1/',
  'https://169.254.169.254/latest/meta-data/',
  'https://172.31.255.255/',
  'https://192.168.1.1/',
  'https://198.19.0.1/',
  'https://224.0.0.1/',
  'https://255.255.255.255/',
  'https://[::]/',
  'https://[::1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:8.8.8.8]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[fc00::1]/',
  'https://[fd12:3456::1]/',
  'https://[fe80::1]/',
  'https://[ff02::1]/',
  'https://[2001:db8::1]/',
  'https://[2002:7f00:1::]/',
  'https://localhost/',
  'https://localhost./',
  'https://a.localhost/',
  'https://metadata.google.internal/',
  'https://printer.local/',
  'https://intranet/',
  'https://user:pass@example.com/',
  'http://example.com/',
  'ftp://example.com/',
  'javascript:alert(1)',
  'nonsense',
])('%s is refused', (url) => {
  expect(urlProblem(url, false)).toEqual(expect.any(String))
})

test.each(['https://example.com/hook', 'https://8.8.8.8/', 'https://[2606:4700:4700::1111]/', 'https://100.128.0.1/'])(
  '%s is taken',
  (url) => expect(urlProblem(url, false)).toBeUndefined(),
)

test('accepts this machine, also over http, only if allowed', () => {
  for (const url of ['http://127.0.0.1:8080/x', 'http://localhost:1/', 'http://[::1]/']) {
    expect(urlProblem(url, true)).toBeUndefined()
    expect(urlProblem(url, false)).toEqual(expect.any(String))
  }
  expect(urlProblem('http://10.0.0.1/', true)).toEqual(expect.any(String))
  expect(urlProblem('http://127.0.0.1.example.com/', true)).toEqual(expect.any(String))
})
