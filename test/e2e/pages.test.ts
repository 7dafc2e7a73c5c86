import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type SharedPlatform, sharedPlatform } from '../shared-platform.ts'

let platform: SharedPlatform
beforeAll(async () => {
  platform = await sharedPlatform()
})
afterAll(() => platform.stop())

test.each([
  ['/billing?namespace=acme&paid=topup_1', 'Your balance updates once the payment is confirmed'],
  ['/billing?namespace=acme', 'Payment canceled'],
])('%s is a page that runs no script', async (path, text) => {
  const { status, headers, body } = await platform.request(path)
  expect(status).toBe(200)
  expect(headers.get('content-type')).toContain('text/html')
  expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'nonce-/)
  expect(headers.get('referrer-policy')).toBe('no-referrer')
  expect(body).toContain(text)
})

test.each([
  [`/invite/${encodeURIComponent('<script>alert(1)</script>')}`, 'Invitation not found'],
  [`/invite/inv_acme_${'x'.repeat(32)}`, 'Invitation not found'],
  [`/approve/${encodeURIComponent('<script>alert(1)</script>')}`, 'Approval request not found'],
])('the wrong link %s leads to a page that says so, without what stood in it', async (path, text) => {
  const { status, headers, body } = await platform.request(path)
  expect(status).toBe(404)
  expect(headers.get('content-type')).toContain('text/html')
  expect(body).toContain(text)
  expect(body).not.toContain('alert(1)')
})

test('a host of any name does not get markup into a page', async () => {
  const page = await new Promise<string>((resolve, reject) => {
    const options = { port: new URL(platform.url).port, host: '127.0.0.1', headers: { host: 'a"><script>' } }
    const asked = request({ ...options, path: '/' }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    })
    asked.on('error', reject).end()
  })
  expect(page).not.toContain('<script>')
})
