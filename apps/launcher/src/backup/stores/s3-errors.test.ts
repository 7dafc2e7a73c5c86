import { expect, test } from 'vitest'
import { explainS3Error } from './s3-errors.ts'
import { parseS3Settings } from './s3-settings.ts'
import { StoreError } from './store-error.ts'

const settings = parseS3Settings('s3://bucket/x', {
  AWS_ACCESS_KEY_ID: 'id',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_ENDPOINT_URL: 'https://s3.example:9000/path',
})
const make = (fields: object) => Object.assign(new Error('The reason.'), fields)

test.each([
  [{ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, "The certificate of s3.example:9000 isn't trusted."],
  [{ code: 'SELF_SIGNED_CERT_IN_CHAIN' }, "The certificate of s3.example:9000 isn't trusted."],
  [{ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }, "The certificate of s3.example:9000 isn't trusted."],
  [{ code: 'CERT_HAS_EXPIRED' }, 'The certificate of s3.example:9000 is expired.'],
  [{ code: 'ERR_TLS_CERT_ALTNAME_INVALID' }, 'The certificate of s3.example:9000 is for another host.'],
  [{ code: 'EPROTO' }, "s3.example:9000 doesn't respond with TLS."],
  [{ code: 'HPE_INVALID_CONSTANT' }, "s3.example:9000 doesn't respond like S3."],
  [{ code: 'EAI_AGAIN' }, 'Host of s3.example:9000 not found.'],
  [{ name: 'TimeoutError' }, "Can't connect to s3.example:9000."],
  [{ name: 'ExpiredToken', $metadata: { httpStatusCode: 400 } }, 'The session token is expired.'],
  [{ name: 'RequestTimeTooSkewed', $metadata: { httpStatusCode: 403 } }, 'The clock of this machine is wrong.'],
  [{ name: 'Odd', $metadata: { httpStatusCode: 403 } }, 'The key isn\'t allowed to use bucket "bucket"'],
  [{ name: 'Odd', $metadata: { httpStatusCode: 418 } }, 's3.example:9000 responded with status 418 (Odd).'],
])('%j is explained', (fields, sentence) => {
  const error = explainS3Error(make(fields), settings)
  expect(error).toBeInstanceOf(StoreError)
  expect((error as Error).message).toContain(sentence)
  expect((error as Error).message.split(/[.?] /).length).toBeLessThanOrEqual(2)
})

test.each([
  make({ code: 'EACCES', path: '/data/file' }),
  make({ code: 'ENOENT', path: '/data/file' }),
  new TypeError('x is not a function'),
  new StoreError('The known problem.'),
])('%s stays as it is', (error) => {
  expect(explainS3Error(error, settings)).toBe(error)
})
