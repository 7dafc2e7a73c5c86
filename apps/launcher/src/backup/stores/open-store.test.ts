import { expect, test } from 'vitest'
import { openStore } from './open-store.ts'
import { parseS3Settings } from './s3-settings.ts'
import { StoreError } from './store-error.ts'

const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }
const onAws = { ...keys, AWS_REGION: 'eu-central-1' }

test.each([
  '',
  'http://example.com/x',
  'ftp://x',
  's4://bucket',
  's3:///x',
  's3://',
  's3://Bucket',
  's3://a',
  's3://my_bucket',
])('the target %j is refused', async (target) => {
  await expect(openStore(target, { environment: onAws })).rejects.toThrow(/^Invalid target .* Expected /)
})

test.each(['s3://bucket/../x', 's3://bucket/./x', 's3://bucket/a b', 's3://bucket/x?y'])(
  'the prefix of %j is refused',
  (target) => expect(() => parseS3Settings(target, onAws)).toThrow(StoreError),
)

test.each([
  [{}, 'The target s3://bucket needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY and AWS_REGION.'],
  [keys, 'The target s3://bucket needs AWS_REGION.'],
  [{ ...onAws, AWS_SECRET_ACCESS_KEY: '' }, 'The target s3://bucket needs AWS_SECRET_ACCESS_KEY.'],
  [{ ...onAws, AWS_ENDPOINT_URL: 'example.com' }, 'Invalid AWS_ENDPOINT_URL "example.com".'],
  [{ ...onAws, AWS_ENDPOINT_URL: 'ftp://example.com' }, 'Invalid AWS_ENDPOINT_URL "ftp://example.com".'],
])('the environment %j is refused', (environment, sentence) => {
  expect(() => parseS3Settings('s3://bucket', environment)).toThrow(sentence)
})

test.each([
  ['s3://bucket', '', onAws, { region: 'eu-central-1', isPathStyle: false }],
  ['s3://bucket/', '', onAws, {}],
  ['s3://my.bucket/a/b//', 'a/b/', onAws, { bucket: 'my.bucket', isPathStyle: true }],
  ['s3://bucket/a', 'a/', { ...keys, AWS_DEFAULT_REGION: 'x' }, { region: 'x' }],
  [
    's3://bucket/a',
    'a/',
    { ...keys, AWS_ENDPOINT_URL: 'https://s3.example' },
    { region: 'us-east-1', isPathStyle: true },
  ],
  [
    's3://bucket/a',
    'a/',
    { ...onAws, AWS_ENDPOINT_URL: 'https://one.example', AWS_ENDPOINT_URL_S3: 'https://two.example' },
    { endpoint: 'https://two.example' },
  ],
])('the target %s has the prefix %j', (target, prefix, environment, expected) => {
  expect(parseS3Settings(target, environment)).toMatchObject({ prefix, ...expected })
})
