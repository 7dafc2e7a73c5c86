import type { S3Settings } from './s3-settings.ts'
import { StoreError } from './store-error.ts'

type Sentence = (settings: S3Settings, place: string) => string

const badKey: Sentence = (_settings, place) =>
  `${place} doesn't accept the key. Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`
const badRegion: Sentence = ({ bucket, region }) =>
  `Bucket "${bucket}" isn't in region "${region}". Set AWS_REGION to its region.`
const unreachable: Sentence = (_settings, place) => `Can't connect to ${place}. Check AWS_ENDPOINT_URL and the network.`
const unknownHost: Sentence = (_settings, place) => `Host of ${place} not found. Check AWS_ENDPOINT_URL.`
const untrusted: Sentence = (_settings, place) =>
  `The certificate of ${place} isn't trusted. Set NODE_EXTRA_CA_CERTS to the file of its authority.`
const noTls: Sentence = (_settings, place) =>
  `${place} doesn't respond with TLS. Check whether AWS_ENDPOINT_URL must start with http:// or https://.`
const interrupted: Sentence = (_settings, place) =>
  `The connection to ${place} was interrupted. Check AWS_ENDPOINT_URL and the network.`
const foreign: Sentence = (_settings, place) => `${place} doesn't respond like S3. Check AWS_ENDPOINT_URL.`

/** Sentences by the code of S3's response, of Node's network or of OpenSSL. */
const sentences: Readonly<Record<string, Sentence>> = {
  InvalidAccessKeyId: badKey,
  SignatureDoesNotMatch: badKey,
  InvalidSecurity: badKey,
  ExpiredToken: () => 'The session token is expired. Set a new AWS_SESSION_TOKEN with its keys.',
  InvalidToken: () => 'The session token is invalid. Check AWS_SESSION_TOKEN.',
  AccessDenied: ({ bucket }, place) =>
    `The key isn't allowed to use bucket "${bucket}" at ${place}. Allow it to list, read, write and delete objects.`,
  NoSuchBucket: ({ bucket }, place) => `Bucket "${bucket}" not found at ${place}. Create it, or check the target.`,
  PermanentRedirect: badRegion,
  AuthorizationHeaderMalformed: badRegion,
  IllegalLocationConstraintException: badRegion,
  RequestTimeTooSkewed: () => 'The clock of this machine is wrong. Set it, then run the command again.',
  PreconditionFailed: (_settings, place) => `A blob at ${place} was replaced while it was read. Run the command again.`,
  QuotaExceeded: (_settings, place) => `The storage quota at ${place} is used up. Free some space.`,
  ENOTFOUND: unknownHost,
  EAI_AGAIN: unknownHost,
  ECONNREFUSED: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ETIMEDOUT: unreachable,
  TimeoutError: unreachable,
  ECONNRESET: interrupted,
  EPIPE: interrupted,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_UNTRUSTED: untrusted,
  CERT_HAS_EXPIRED: (_settings, place) => `The certificate of ${place} is expired. Renew it.`,
  CERT_NOT_YET_VALID: (_settings, place) =>
    `The certificate of ${place} isn't valid yet. Check the clock of this machine.`,
  ERR_TLS_CERT_ALTNAME_INVALID: (_settings, place) =>
    `The certificate of ${place} is for another host. Check AWS_ENDPOINT_URL.`,
  EPROTO: noTls,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
}

/** Turns an error of the client of S3 into a `StoreError`. Other errors, such as those of a local file, stay as they are. */
export function explainS3Error(cause: unknown, settings: S3Settings): unknown {
  if (!(cause instanceof Error) || cause instanceof StoreError) return cause
  const place = settings.endpoint ? new URL(settings.endpoint).host : `AWS S3 in ${settings.region}`
  const { name, code, $metadata } = cause as { name: string; code?: unknown; $metadata?: { httpStatusCode?: number } }
  const isOfStore = $metadata !== undefined
  if (!isOfStore && (cause as NodeJS.ErrnoException).path !== undefined) return cause
  const known = [code, name].map((key) => sentences[String(key)]).find((found) => found !== undefined)
  // Node's code for a response that isn't HTTP.
  const sentence = known ?? (String(code).startsWith('HPE_') ? foreign : undefined)
  // The whole error has the response with its socket, which would fill a log.
  const reason = { cause: `${name}: ${cause.message}` }
  if (sentence) return new StoreError(sentence(settings, place), reason)
  const status = $metadata?.httpStatusCode
  if (status === undefined) return cause
  const codes: Readonly<Record<number, string>> = {
    301: 'PermanentRedirect',
    401: 'InvalidAccessKeyId',
    403: 'AccessDenied',
  }
  const byStatus = sentences[codes[status] ?? '']
  if (byStatus) return new StoreError(byStatus(settings, place), reason)
  return new StoreError(`${place} responded with status ${status} (${name}). Run the command again.`, reason)
}
