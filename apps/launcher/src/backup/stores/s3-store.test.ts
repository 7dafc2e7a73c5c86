import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Fault, S3Double } from '../../../../../test/s3-double.ts'
import { parseS3Settings } from './s3-settings.ts'
import { openS3Store } from './s3-store.ts'
import { StoreError } from './store-error.ts'

let s3: S3Double

beforeEach(async () => {
  s3 = await new S3Double().start()
})
afterEach(() => s3.stop())

const open = (changes: Record<string, string> = {}, target = `s3://${s3.bucket}/x`) =>
  openS3Store(parseS3Settings(target, { ...s3.environment, ...changes }))

const faults: Fault[] = ['InternalError', 'SlowDown', 'TooManyRequests', 'hang up']

test.each(faults)('a request that fails with %s is repeated', async (fault) => {
  const store = await open()
  s3.faults = [fault, fault]
  await store.write('files/one', { text: 'content' })
  s3.faults = [fault, fault]
  expect((await buffer((await store.read('files/one')) ?? Readable.from([]))).toString()).toBe('content')
  expect(s3.requests).toEqual([...Array(3).fill('PUT'), ...Array(3).fill('GET')])
})

test('parts that fail are repeated, and the blob appears only when all are stored', async () => {
  const store = await open()
  const content = randomBytes(20 * 1024 * 1024)
  const seen = new Set<string>()
  s3.findFault = ({ query }) => {
    expect(s3.objects.size).toBe(0)
    const part = query.get('partNumber')
    if (part === null || seen.has(part)) return undefined
    seen.add(part)
    return 'hang up'
  }
  await store.writeStream('files/large', Readable.from([content]))
  expect([...seen].sort()).toEqual(['1', '2', '3'])
  expect(s3.objects.get('x/files/large')?.equals(content)).toBe(true)
})

test('an upload whose parts are refused is aborted and leaves nothing', async () => {
  const store = await open()
  s3.findFault = ({ query }) => (query.get('partNumber') === '2' ? 'AccessDenied' : undefined)
  const writing = store.writeStream('files/large', Readable.from([randomBytes(20 * 1024 * 1024)]))
  await expect(writing).rejects.toThrow(/isn't allowed to use bucket "backups"/)
  expect([s3.objects.size, s3.uploads.size]).toEqual([0, 0])
})

test('a download that is cut off continues where it was', async () => {
  const store = await open()
  const content = randomBytes(1_000_000)
  s3.objects.set('x/files/one', content)
  s3.cutDownloads = [400_000, 100_000, 0]
  const read = await buffer((await store.read('files/one')) ?? Readable.from([]))
  expect(read.equals(content)).toBe(true)
  expect(s3.requests).toHaveLength(4)
})

test('a download of a blob that was replaced after it was cut off fails', async () => {
  const store = await open()
  s3.objects.set('x/files/one', randomBytes(1_000_000))
  s3.cutDownloads = [400_000]
  const blob = await store.read('files/one')
  s3.objects.set('x/files/one', randomBytes(1_000_000))
  await expect(buffer(blob ?? Readable.from([]))).rejects.toThrow(/was replaced while it was read/)

  s3.cutDownloads = [400_000]
  const deleted = await store.read('files/one')
  s3.objects.clear()
  await expect(buffer(deleted ?? Readable.from([]))).rejects.toThrow(/deleted or replaced/)
})

test('storage that ignores ranges gives no wrong content', async () => {
  s3.hasRanges = false
  const store = await open()
  s3.objects.set('x/files/one', randomBytes(1_000_000))
  s3.cutDownloads = [400_000]
  const blob = await store.read('files/one')
  await expect(buffer(blob ?? Readable.from([]))).rejects.toThrow(StoreError)
})

test('storage without conditional writes creates a blob only once', async () => {
  s3.hasConditionalWrites = false
  const store = await open()
  expect([await store.create('once', 'first'), await store.create('once', 'second')]).toEqual([true, false])
  expect(s3.objects.get('x/once')?.toString()).toBe('first')
})

test('a session token is sent and signed', async () => {
  Object.assign(s3.key, { sessionToken: 'token' })
  await (await open({ AWS_SESSION_TOKEN: 'token' })).write('files/one', { text: 'x' })
  await expect((await open()).read('files/one')).rejects.toThrow('Check AWS_SESSION_TOKEN.')
})

const keyProblem = "doesn't accept the key. Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."

test.each<[what: string, changes: Record<string, string>, target: string, sentence: string]>([
  ['a wrong key', { AWS_ACCESS_KEY_ID: 'other' }, 's3://backups', keyProblem],
  ['a wrong secret', { AWS_SECRET_ACCESS_KEY: 'other' }, 's3://backups', keyProblem],
  ['a wrong region', { AWS_REGION: 'us-east-1' }, 's3://backups', 'Bucket "backups" isn\'t in region "us-east-1".'],
  ['a missing bucket', {}, 's3://others/x', 'Bucket "others" not found at 127.0.0.1:'],
  ['an unknown host', { AWS_ENDPOINT_URL: 'http://s3.invalid' }, 's3://backups', 'Host of s3.invalid not found.'],
  ['a closed port', { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, 's3://backups', "Can't connect to 127.0.0.1:1."],
])('%s is named in a sentence by every call', async (_what, changes, target, sentence) => {
  const store = await open(changes, target)
  const list = async () => {
    for await (const _ of store.list('files/'));
  }
  const read = () => store.read('files/x')
  const write = () => store.write('files/x', { text: 'x' })
  for (const call of [list, read, write, () => store.delete('files/x')]) {
    const error = await call().then(
      () => undefined,
      (cause: unknown) => cause,
    )
    expect(error).toBeInstanceOf(StoreError)
    expect((error as Error).message).toContain(sentence)
  }
})

test('a server that does not speak TLS is named', async () => {
  const { port } = new URL(s3.environment.AWS_ENDPOINT_URL ?? '')
  const store = await open({ AWS_ENDPOINT_URL: `https://127.0.0.1:${port}` })
  await expect(store.read('files/x')).rejects.toThrow(`127.0.0.1:${port} doesn't respond with TLS.`)
})

test('no error contains the secret', async () => {
  const store = await open({ AWS_SECRET_ACCESS_KEY: 'very-secret' })
  const error = await store.read('files/x').catch((cause: Error) => cause)
  expect(`${(error as Error).message} ${JSON.stringify(error)}`).not.toContain('very-secret')
})
