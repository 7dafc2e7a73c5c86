import type { ApprovalHit, ChangeKind } from './types.ts'

/** What a webhook is posted. The `id` stays the same when it is posted again. */
export type WebhookEvent = { id: string; ts: string; database: string } & (
  | { type: 'row.change'; table: string; kind: ChangeKind }
  | {
      type: 'approval_required' | 'approval_resolved'
      approvalToken: string
      status: 'pending' | 'approved' | 'denied' | 'expired' | 'redeemed'
      askedBy: string
      decidedBy: string | null
      tables: string[]
      hits: ApprovalHit[]
      expiresAt: string
    }
  | { type: 'test' }
)

/** A request that must not be believed. */
export class WebhookVerificationError extends Error {
  override name = 'WebhookVerificationError'
  readonly code: 'signature_missing' | 'signature_wrong' | 'too_old'

  constructor(code: WebhookVerificationError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** The headers of a request, as `fetch` or Node has them. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

/** How a request is looked at. */
export interface VerifyOptions {
  /** By how many seconds the clocks may differ; 300 unless it is given. */
  toleranceSec?: number
  nowMs?: number
}

const HEADER = 'x-persql-signature'
const text = new TextEncoder()

/**
 * Answers the event that was posted, if PerSQL has signed it.
 *
 * @param secret The webhook's `secret`; several while it is being replaced.
 * @param body The body as it came: parsed and written anew, its signature would not fit.
 * @throws WebhookVerificationError
 */
export async function verifyWebhook(
  secret: string | readonly string[],
  headers: WebhookHeaders,
  body: string | Uint8Array,
  { toleranceSec = 300, nowMs = Date.now() }: VerifyOptions = {},
): Promise<WebhookEvent> {
  const [, seconds = '', hex = ''] = /^t=(\d{1,15}),v1=([0-9a-f]{64})$/.exec(headerOf(headers)) ?? []
  if (!hex) throw new WebhookVerificationError('signature_missing', `There is no well-formed ${HEADER}.`)
  const bytes = typeof body === 'string' ? text.encode(body) : body
  const prefix = text.encode(`${seconds}.`)
  const signed = new Uint8Array(prefix.length + bytes.length)
  signed.set(prefix)
  signed.set(bytes, prefix.length)
  const signature = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
  const fits = await Promise.all([secret].flat().map((one) => isSignature(one, signature, signed)))
  if (!fits.includes(true)) throw new WebhookVerificationError('signature_wrong', 'The signature does not fit.')
  // Looked at last: what was not signed is not answered with more than that.
  if (!(Math.abs(nowMs / 1000 - Number(seconds)) <= toleranceSec)) {
    throw new WebhookVerificationError('too_old', `It was signed more than ${toleranceSec} s from now.`)
  }
  return JSON.parse(new TextDecoder().decode(bytes))
}

/** In constant time: WebCrypto compares. */
async function isSignature(secret: string, signature: Uint8Array<ArrayBuffer>, signed: Uint8Array<ArrayBuffer>) {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', text.encode(secret), algorithm, false, ['verify'])
  return crypto.subtle.verify('HMAC', key, signature, signed)
}

function headerOf(headers: WebhookHeaders): string {
  if (headers instanceof Headers) return headers.get(HEADER) ?? ''
  const [, value = ''] = Object.entries(headers).find(([name]) => name.toLowerCase() === HEADER) ?? []
  return String(value)
}
