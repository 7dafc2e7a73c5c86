import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type TestPlatform } from '../harness.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await startPlatform()
})
afterAll(() => platform.stop())

test.each([
  ['/billing?namespace=acme&paid=topup_1', 'The balance is filled'],
  ['/billing?namespace=acme', 'Nothing was paid'],
  [`/invite/inv_acme_${'x'.repeat(32)}`, 'You are invited to acme'],
])('%s is a page that runs no script', async (path, text) => {
  const { status, headers, body } = await platform.request(path)
  expect(status).toBe(200)
  expect(headers.get('content-type')).toContain('text/html')
  expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'nonce-/)
  expect(headers.get('referrer-policy')).toBe('no-referrer')
  expect(body).toContain(text)
})

test('what is no invitation does not get into a page', async () => {
  const { status, body } = await platform.request(`/invite/${encodeURIComponent('<script>alert(1)</script>')}`)
  expect([status, body.code]).toEqual([404, 'invitation_not_found'])
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
