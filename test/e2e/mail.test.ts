import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { PlatformEnvironment } from '../../apps/launcher/src/config.ts'
import { startPlatform, type TestPlatform } from '../harness.ts'
import { makeCertificate, SmtpServer } from '../smtp-server.ts'

const running: { stop(): unknown }[] = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop()
})

async function start(environment: PlatformEnvironment, trustedCertificates?: string): Promise<TestPlatform> {
  const platform = await startPlatform({
    environment: { PERSQL_DEV: '1', MAIL_FROM: 'PerSQL <noreply@persql.test>', ...environment },
    ...(trustedCertificates && { trustedCertificates }),
  })
  running.push(platform)
  return platform
}
async function smtp(options: Parameters<SmtpServer['start']>[0] = {}): Promise<SmtpServer> {
  const server = await new SmtpServer().start(options)
  running.push(server)
  return server
}
const send = (platform: TestPlatform, message: object) =>
  platform.request('/api/dev/outbox', {
    token: platform.secret,
    body: { to: 'ada@example.com', subject: 'Hello', text: 'Hello.', ...message },
  })
const outbox = async (platform: TestPlatform) =>
  (await platform.request('/api/dev/outbox', { token: platform.secret })).body.data
/** The text of a message, its encoding undone. */
function decodeText(data: string): string {
  const body = data.slice(data.indexOf('\r\n\r\n') + 4)
  if (/^content-transfer-encoding: base64/im.test(data)) return Buffer.from(body, 'base64').toString()
  if (!/^content-transfer-encoding: quoted-printable/im.test(data)) return body
  const bytes = body
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}

test('SMTP carries a message as it was written', async () => {
  const server = await smtp()
  const platform = await start({ SMTP_URL: `smtp://127.0.0.1:${server.port}` })
  const text = 'Grüße, 世界!\n.\n..a line that starts with dots\n.b\nhttps://example.com/?a=b&c=%20\n'.concat(
    'long '.repeat(300),
  )
  expect((await send(platform, { subject: 'Bestätigen: 世界', text })).status).toBe(200)
  await expect.poll(() => server.taken.length).toBe(1)
  const [mail] = server.taken
  expect(mail).toMatchObject({ from: 'noreply@persql.test', to: ['ada@example.com'], user: null })
  expect(
    decodeText(mail?.data ?? '')
      .replaceAll('\r\n', '\n')
      .trimEnd(),
  ).toBe(text.trimEnd())
  expect(mail?.data).toMatch(/^From: PerSQL <noreply@persql\.test>\r$/m)
  expect(mail?.data).toMatch(/^Subject: =\?UTF-8\?/m)
  expect(mail?.data).toMatch(/^Message-ID: <.+@persql\.test>\r$/m)
})

test('SMTP signs in with the password of the URL, and says so when it is wrong', async () => {
  const server = await smtp({ auth: true })
  const good = await start({ SMTP_URL: `smtp://mailer:p%40ss%20word@127.0.0.1:${server.port}` })
  expect((await send(good, {})).status).toBe(200)
  await expect.poll(() => server.taken.map(({ user }) => user)).toEqual(['mailer'])
  const bad = await start({ SMTP_URL: `smtp://mailer:wrong@127.0.0.1:${server.port}` })
  const { status, body } = await send(bad, {})
  expect([status, body.code]).toEqual([502, 'mail_failed'])
  expect(JSON.stringify(body)).not.toContain('wrong')
  expect(bad.stderr.join('\n')).not.toContain('wrong')
  expect(await outbox(bad)).toEqual([])
})

test.each([
  { scheme: 'smtps', options: { implicitTls: true } },
  { scheme: 'smtp', options: { tls: true } },
])('$scheme speaks TLS, and only with a server whose certificate is trusted', async ({ scheme, options }) => {
  const folder = await mkdtemp(join(tmpdir(), 'persql-mail-'))
  running.push({ stop: () => rm(folder, { recursive: true }) })
  const certificate = makeCertificate(folder)
  const server = await smtp({ ...options, ...certificate, auth: true })
  const environment = { SMTP_URL: `${scheme}://mailer:p%40ss%20word@localhost:${server.port}` }
  const trusting = await start(environment, await readFile(certificate.certificate, 'utf8'))
  expect((await send(trusting, {})).status).toBe(200)
  await expect.poll(() => server.taken.map(({ tls, user }) => [tls, user])).toEqual([[true, 'mailer']])
  const wary = await start(environment)
  expect((await send(wary, {})).body.code).toBe('mail_failed')
  expect(server.taken).toHaveLength(1)
})

test('headers and recipients cannot be injected into a message', async () => {
  const server = await smtp()
  const platform = await start({ SMTP_URL: `smtp://127.0.0.1:${server.port}` })
  await send(platform, { subject: 'Hi\r\nBcc: eve@example.com\r\n\r\nanother body' })
  expect((await send(platform, { to: 'ada@example.com\r\nRCPT TO:<eve@example.com>' })).status).toBeGreaterThanOrEqual(
    400,
  )
  await expect.poll(() => server.taken.length).toBe(1)
  expect(server.taken[0]?.to).toEqual(['ada@example.com'])
  expect(server.taken[0]?.data).not.toMatch(/^Bcc:/im)
})

test('a mail server that is not there is an error, not a wait', async () => {
  const platform = await start({ SMTP_URL: 'smtp://127.0.0.1:9' })
  const { status, body } = await send(platform, {})
  expect([status, body.code]).toEqual([502, 'mail_failed'])
  expect((await platform.request('/healthz')).status).toBe(200)
})

test('a mail server that closes the connection or never responds delays no call', async () => {
  const server = await smtp({ silent: true })
  const platform = await start({ SMTP_URL: `smtp://127.0.0.1:${server.port}` })
  const waiting = send(platform, {})
  for (let i = 0; i < 5; i++) expect((await platform.request('/healthz')).status).toBe(200)
  server.stop()
  expect((await waiting).body.code).toBe('mail_failed')
})

test('Resend takes what its API wants, and what it refuses is an error', async () => {
  const requests: { headers: unknown; body: unknown }[] = []
  let status = 200
  const resend = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    requests.push({ headers: [request.method, request.url, request.headers.authorization], body: JSON.parse(body) })
    response.writeHead(status, { 'content-type': 'application/json' }).end('{"id":"1"}')
  })
  await new Promise<void>((resolve) => resend.listen(0, '127.0.0.1', resolve))
  running.push({ stop: () => resend.close() })
  const platform = await start({
    RESEND_API_KEY: 're_test',
    RESEND_API_URL: `http://127.0.0.1:${(resend.address() as AddressInfo).port}`,
  })
  expect((await send(platform, { text: 'Grüße' })).status).toBe(200)
  expect(requests).toEqual([
    {
      headers: ['POST', '/emails', 'Bearer re_test'],
      body: { from: 'PerSQL <noreply@persql.test>', to: 'ada@example.com', subject: 'Hello', text: 'Grüße' },
    },
  ])
  status = 422
  expect((await send(platform, {})).body.code).toBe('mail_failed')
})

test('in development mail stays in the outbox, which others do not see', async () => {
  const platform = await start({})
  await send(platform, { subject: 'one' })
  await send(platform, { subject: 'two' })
  expect(await outbox(platform)).toEqual([
    { to: 'ada@example.com', subject: 'two', text: 'Hello.', at: expect.stringMatching(/Z$/) },
    { to: 'ada@example.com', subject: 'one', text: 'Hello.', at: expect.stringMatching(/Z$/) },
  ])
  expect((await platform.request('/api/dev/outbox')).body.code).toBe('operator_only')
  const production = await start({ PERSQL_DEV: '' })
  expect((await production.request('/api/dev/outbox', { token: production.secret })).status).toBe(404)
})
