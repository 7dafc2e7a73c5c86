import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3'
import { explainS3Error } from './s3-errors.ts'
import type { S3Settings } from './s3-settings.ts'
import { StoreError } from './store-error.ts'
import { checkBlobName, isBlobName, type StreamingStore, toContent } from './streaming-store.ts'

/** S3 accepts 10,000 parts, so the largest blob has 78 GB. */
const partBytes = 8 * 1024 * 1024
const parallelParts = 2
/** Attempts of a request, and of a download that makes no progress. */
const attempts = 6
const connectTimeoutMs = 10_000
/** The time without any byte after which a request is repeated. */
const idleTimeoutMs = 60_000

/**
 * Opens S3-compatible storage as the store of backups. Requests that fail with 429, 5xx or a network error are repeated
 * with an increasing delay, and a download continues where it was interrupted. The storage checks the SHA-256 of each part.
 * Problems are a `StoreError`.
 */
export async function openS3Store(settings: S3Settings): Promise<StreamingStore> {
  // Its version is fixed here, so the operator can't act on its warning about Node 20.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  // Loaded here, because it takes 0.2 s.
  const [s3, { Upload }] = await Promise.all([import('@aws-sdk/client-s3'), import('@aws-sdk/lib-storage')])
  const { bucket: Bucket, prefix, region, endpoint, isPathStyle, credentials } = settings
  const client = new s3.S3Client({
    region,
    ...(endpoint && { endpoint }),
    forcePathStyle: isPathStyle,
    credentials,
    maxAttempts: attempts,
    // Storage that isn't on AWS may not know the newer checksums. Every request carries the SHA-256 of its body anyway.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: connectTimeoutMs, socketTimeout: idleTimeoutMs },
  })

  const locate = (name: string): { Bucket: string; Key: string } => {
    checkBlobName(name)
    return { Bucket, Key: `${prefix}${name}` }
  }

  const explained = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      throw explainS3Error(cause, settings)
    }
  }

  const get = async (name: string, range: { Range?: string; IfMatch?: string }): Promise<Download | undefined> => {
    try {
      return await client.send(new s3.GetObjectCommand({ ...locate(name), ...range })).then(toDownload)
    } catch (cause) {
      if (cause instanceof s3.NoSuchKey) return undefined
      throw cause
    }
  }

  /** Yields the content of a blob and continues after interruptions. */
  async function* download(name: string, first: Download): AsyncGenerator<Buffer> {
    const { etag } = first
    let current: Download | undefined = first
    for (let received = 0, failures = 0; ; ) {
      try {
        current ??= await get(name, { Range: `bytes=${received}-`, ...(etag && { IfMatch: etag }) })
        if (current?.start !== received)
          throw new StoreError(`${name} can't be read to its end: it was deleted or replaced.`)
        for await (const chunk of current.body as AsyncIterable<Buffer>) {
          received += chunk.length
          failures = 0
          yield chunk
        }
        if (received >= first.bytes) return
        throw Object.assign(new Error(`${name} ended early.`), { code: 'ECONNRESET' })
      } catch (cause) {
        current?.body.destroy()
        current = undefined
        if (first.bytes > 0 && received >= first.bytes) return
        failures += 1
        if (failures >= attempts || !isInterruption(cause)) throw explainS3Error(cause, settings)
        await delay(100 * 2 ** failures)
      }
    }
  }

  const writeStream = (name: string, content: AsyncIterable<Uint8Array>): Promise<void> =>
    explained(async () => {
      const params = { ...locate(name), Body: Readable.from(content, { objectMode: false }) }
      try {
        await new Upload({ client, params, partSize: partBytes, queueSize: parallelParts }).done()
      } finally {
        params.Body.destroy()
      }
    })

  return {
    writeStream,
    write: (name, file) => writeStream(name, toContent(file)),
    create: (name, text) =>
      explained(async () => {
        const input = { ...locate(name), Body: text }
        try {
          await client.send(new s3.PutObjectCommand({ ...input, IfNoneMatch: '*' }))
          return true
        } catch (cause) {
          if (!(cause instanceof s3.S3ServiceException)) throw cause
          const status = cause.$metadata.httpStatusCode
          if (status === 412 || status === 409) return false
          if (status !== 501) throw cause
          // This storage has no conditional writes.
          const found = await get(name, {})
          found?.body.destroy()
          if (found === undefined) await client.send(new s3.PutObjectCommand(input))
          return found === undefined
        }
      }),
    has: (name) =>
      explained(async () => {
        try {
          await client.send(new s3.HeadObjectCommand(locate(name)))
          return true
        } catch (cause) {
          if (cause instanceof s3.NotFound) return false
          throw cause
        }
      }),
    read: async (name) => {
      const first = await explained(() => get(name, {}))
      return first && Readable.from(download(name, first), { objectMode: false })
    },
    delete: async (name) => {
      await explained(() => client.send(new s3.DeleteObjectCommand(locate(name))))
    },
    async *list(start) {
      const pages = s3
        .paginateListObjectsV2({ client }, { Bucket, Prefix: `${prefix}${start}` })
        [Symbol.asyncIterator]()
      for (;;) {
        const page = await explained(() => pages.next())
        if (page.done) return
        for (const { Key = '', Size = 0 } of page.value.Contents ?? []) {
          const name = Key.slice(prefix.length)
          if (isBlobName(name)) yield { name, bytes: Size }
        }
      }
    },
  }
}

interface Download {
  readonly body: IncomingMessage
  /** The size of the whole blob or of the rest that was asked for. */
  readonly bytes: number
  readonly etag: string | undefined
  /** The index of the first byte. */
  readonly start: number
}

const toDownload = ({ Body, ContentLength = 0, ContentRange = '', ETag }: GetObjectCommandOutput): Download => ({
  // Node's client always responds with this class.
  body: Body as unknown as IncomingMessage,
  bytes: ContentLength,
  etag: ETag,
  start: Number(/^bytes (\d+)-/.exec(ContentRange)?.[1] ?? 0),
})

/** Returns whether an error of a download was caused by the connection. */
function isInterruption(cause: unknown): boolean {
  const { code, name } = cause as { code?: unknown; name?: unknown }
  const status = (cause as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
  if (status !== undefined) return status >= 500 || status === 429
  return !(cause instanceof StoreError) && (typeof code === 'string' || name === 'TimeoutError')
}
