import type { ApprovalHit, ChangeKind } from './types.ts'

/** The event of a delivery. Its `id` stays the same when it is redelivered. */
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

/** Thrown for a request that isn't a genuine delivery. */
export class WebhookVerificationError extends Error {
  override name = 'WebhookVerificationError'
  readonly code: 'signature_missing' | 'signature_wrong' | 'too_old'

  constructor(code: WebhookVerificationError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** The headers of a request, as `fetch` or Node provides them. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

/** The options of `verifyWebhook`. */
export interface VerifyOptions {
  /** Maximum age of a signature in seconds. Default: 300. */
  toleranceSec?: number
  nowMs?: number
}

const HEADER = 'x-persql-signature'
const text = new TextEncoder()

/**
 * Verifies a delivery and returns its event.
 *
 * @param secret The webhook's `secret`, or several while you rotate it.
 * @param body The raw body. A body that was parsed and serialized again has a different signature.
 * @throws WebhookVerificationError
 */
export async function verifyWebhook(
  secret: string | readonly string[],
  headers: WebhookHeaders,
  body: string | Uint8Array,
  { toleranceSec = 300, nowMs = Date.now() }: VerifyOptions = {},
): Promise<WebhookEvent> {
  const [, seconds = '', hex = ''] = /^t=(\d{1,15}),v1=([0-9a-f]{64})$/.exec(getHeader(headers)) ?? []
  if (!hex) throw new WebhookVerificationError('signature_missing', `Missing or malformed ${HEADER} header.`)
  const bytes = typeof body === 'string' ? text.encode(body) : body
  const prefix = text.encode(`${seconds}.`)
  const signed = new Uint8Array(prefix.length + bytes.length)
  signed.set(prefix)
  signed.set(bytes, prefix.length)
  const signature = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
  const fits = await Promise.all([secret].flat().map((one) => isSignature(one, signature, signed)))
  if (!fits.includes(true)) throw new WebhookVerificationError('signature_wrong', 'Invalid signature.')
  // Checked last, so that an unsigned request learns nothing else.
  if (!(Math.abs(nowMs / 1000 - Number(seconds)) <= toleranceSec)) {
    throw new WebhookVerificationError(
      'too_old',
      `The signature timestamp differs by more than ${toleranceSec} s from the current time.`,
    )
  }
  return JSON.parse(new TextDecoder().decode(bytes))
}

/** Compares signatures in constant time with WebCrypto. */
async function isSignature(secret: string, signature: Uint8Array<ArrayBuffer>, signed: Uint8Array<ArrayBuffer>) {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', text.encode(secret), algorithm, false, ['verify'])
  return crypto.subtle.verify('HMAC', key, signature, signed)
}

function getHeader(headers: WebhookHeaders): string {
  if (headers instanceof Headers) return headers.get(HEADER) ?? ''
  const [, value = ''] = Object.entries(headers).find(([name]) => name.toLowerCase() === HEADER) ?? []
  return String(value)
}
