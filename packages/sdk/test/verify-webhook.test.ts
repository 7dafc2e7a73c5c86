import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { verifyWebhook } from '../src/webhooks.ts'

const SECRET = `whsec_${'a'.repeat(64)}`
const NOW_MS = 1_800_000_000_000
const BODY = JSON.stringify({ id: 'evt_1', type: 'test', ts: '2026-11-21T00:00:00Z', database: 'acme:main', note: 'ü' })

function createHeader(body = BODY, secret = SECRET, seconds = NOW_MS / 1000) {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`
}
const verified = (header: string | undefined, body: string | Uint8Array = BODY, more = {}) =>
  verifyWebhook(SECRET, { 'X-PerSQL-Signature': header }, body, { nowMs: NOW_MS, ...more })

test('returns a signed event for every format of headers and body', async () => {
  const event = { type: 'test', id: 'evt_1', note: 'ü' }
  expect(await verified(createHeader())).toMatchObject(event)
  expect(await verified(createHeader(), Buffer.from(BODY))).toMatchObject(event)
  const headers = new Headers({ 'x-persql-signature': createHeader() })
  expect(await verifyWebhook(['whsec_old', SECRET], headers, BODY, { nowMs: NOW_MS })).toMatchObject(event)
  const ofNode = { 'x-persql-signature': createHeader() }
  expect(await verifyWebhook(SECRET, ofNode, BODY, { nowMs: NOW_MS })).toMatchObject(event)
})

test('rejects another body, secret or time', async () => {
  const wrong = { name: 'WebhookVerificationError', code: 'signature_wrong' }
  await expect(verified(createHeader(), `${BODY} `)).rejects.toMatchObject(wrong)
  await expect(verified(createHeader(BODY, 'whsec_other'))).rejects.toMatchObject(wrong)
  await expect(verified(createHeader().replace(/t=\d+/, `t=${NOW_MS / 1000 + 1}`))).rejects.toMatchObject(wrong)
  await expect(verifyWebhook([], { 'x-persql-signature': createHeader() }, BODY)).rejects.toMatchObject(wrong)
})

test('rejects signatures that are too old or in the future', async () => {
  for (const seconds of [-301, 301]) {
    const header = createHeader(BODY, SECRET, NOW_MS / 1000 + seconds)
    await expect(verified(header)).rejects.toMatchObject({ code: 'too_old' })
    expect(await verified(header, BODY, { toleranceSec: 302 })).toMatchObject({ id: 'evt_1' })
  }
})

test('rejects a missing or malformed header', async () => {
  const v1 = 'ab'.repeat(32)
  for (const header of [
    undefined,
    '',
    'v1=',
    `t=1,v1=${v1}0`,
    `t=,v1=${v1}`,
    `t=1,v1=${v1.toUpperCase()}`,
    `t=1;v1=${v1}`,
  ]) {
    await expect(verified(header)).rejects.toMatchObject({ code: 'signature_missing' })
  }
})
