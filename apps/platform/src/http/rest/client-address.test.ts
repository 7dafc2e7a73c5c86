import { expect, test } from 'vitest'
import { parseRange } from '../../ip-address.ts'
import { type AddressSettings, clientAddress, isFromThisMachine } from './client-address.ts'

const behind = (proxies: string[], rest: Partial<AddressSettings> = {}): AddressSettings => ({
  runtime: 'workerd',
  url: undefined,
  trustedProxies: proxies.flatMap((text) => parseRange(text) ?? []),
  ...rest,
})
const request = (clientIp: string, headers: Record<string, string> = {}) =>
  Object.assign(new Request('http://127.0.0.1/', { headers }), { cf: { clientIp } })

const proxies = ['10.0.0.0/8', 'fd00::/8', '127.0.0.1']
const forwarded = (list: string) => ({ 'X-Forwarded-For': list })

test.each([
  ['no proxy is trusted', [], '[::ffff:203.0.113.9]:5001', forwarded('198.51.100.1'), '203.0.113.9'],
  ['the peer is not a trusted proxy', proxies, '203.0.113.9:5001', forwarded('198.51.100.1'), '203.0.113.9'],
  ['the proxy arrives as mapped IPv4', proxies, '[::ffff:10.0.0.1]:40000', forwarded('198.51.100.1'), '198.51.100.1'],
  ['the proxy has an IPv6 address in a range', proxies, '[fd00::7]:40000', forwarded('198.51.100.1'), '198.51.100.1'],
  ['the hop has a port', proxies, '10.0.0.1:1', forwarded('203.0.113.9:50001'), '203.0.113.9'],
  ['the hop is IPv6 with a port', proxies, '10.0.0.1:1', forwarded('[2001:DB8::9]:50001'), '2001:db8::9'],
  ['the hop has a zone', proxies, '10.0.0.1:1', forwarded('fe80::1%eth0'), 'fe80::1'],
  ['the hop is mapped IPv4', proxies, '10.0.0.1:1', forwarded('::ffff:203.0.113.9'), '203.0.113.9'],
  ['the client wrote a hop', proxies, '10.0.0.1:1', forwarded('1.1.1.1, 203.0.113.9'), '203.0.113.9'],
  [
    'a trusted hop stands between',
    proxies,
    '10.0.0.1:1',
    forwarded('203.0.113.9, ::ffff:10.9.9.9:1, 10.2.2.2:8'),
    '10.2.2.2',
  ],
  [
    'two trusted hops stand between',
    proxies,
    '10.0.0.1:1',
    forwarded('203.0.113.9, [fd00::1]:1 ,10.2.2.2:8'),
    '203.0.113.9',
  ],
  ['a hop is garbage', proxies, '10.0.0.1:1', forwarded('1.1.1.1, unknown, 10.2.2.2'), '10.2.2.2'],
  ['all is garbage', proxies, '10.0.0.1:1', forwarded("'; DROP TABLE x"), '10.0.0.1'],
  ['entries are empty', proxies, '10.0.0.1:1', forwarded(' , 203.0.113.9,, '), '203.0.113.9'],
  ['the client is in a trusted range', proxies, '10.0.0.1:1', forwarded('10.5.5.5'), '10.5.5.5'],
  ['no header is there', proxies, '10.0.0.1:1', {}, '10.0.0.1'],
  [
    'the header is RFC 7239',
    proxies,
    '10.0.0.1:1',
    { Forwarded: 'for=1.1.1.1, For="[2001:db8::9]:47";proto=https' },
    '2001:db8::9',
  ],
  ['RFC 7239 hides the client', proxies, '10.0.0.1:1', { Forwarded: 'for=_hidden;by=10.0.0.1' }, '10.0.0.1'],
  [
    'both headers are there',
    proxies,
    '10.0.0.1:1',
    { Forwarded: 'for=1.1.1.1', ...forwarded('203.0.113.9') },
    '203.0.113.9',
  ],
  ['the peer is not known', proxies, '', forwarded('203.0.113.9'), 'unknown'],
] as const)('%s', (_case, trusted, peer, headers, client) => {
  expect(clientAddress(request(peer, headers), behind([...trusted]))).toBe(client)
})

test('on Cloudflare the edge names the client', () => {
  const settings = behind([], { runtime: 'cloudflare' })
  expect(clientAddress(request('', { 'CF-Connecting-IP': '2001:DB8::1' }), settings)).toBe('2001:db8::1')
  expect(clientAddress(request('127.0.0.1:1', { 'X-Forwarded-For': '1.1.1.1' }), settings)).toBe('unknown')
})

test.each(['127.0.0.1:5', '[::1]:5', '[::ffff:127.0.0.1]:5', '127.9.9.9:5'])('%s is this machine', (peer) => {
  expect(isFromThisMachine(request(peer), behind([]))).toBe(true)
})

test.each([
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
  'Forwarded',
  'Via',
  'X-Real-IP',
  'True-Client-IP',
  'CF-Connecting-IP',
  'Fastly-Client-IP',
])('with the header %s a loopback peer is not this machine', (name) => {
  expect(isFromThisMachine(request('127.0.0.1:5', { [name]: '127.0.0.1' }), behind([]))).toBe(false)
})

test.each([
  ['203.0.113.9:5', behind([])],
  ['', behind([])],
  ['127.0.0.1:5', behind(['127.0.0.1'])],
  ['127.0.0.1:5', behind([], { url: 'https://sql.example.com' })],
  ['127.0.0.1:5', behind([], { runtime: 'cloudflare' })],
])('%s is not this machine where a proxy may stand before it', (peer, settings) => {
  expect(isFromThisMachine(request(peer), settings)).toBe(false)
})
