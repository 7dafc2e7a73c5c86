import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { findSignatureProblem, type S3Key } from './s3-signature.ts'

const minPartBytes = 5 * 1024 * 1024
const statuses: Readonly<Record<string, number>> = {
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  PreconditionFailed: 412,
  AccessDenied: 403,
  InvalidAccessKeyId: 403,
  SignatureDoesNotMatch: 403,
  RequestTimeTooSkewed: 403,
  InternalError: 500,
  NotImplemented: 501,
  SlowDown: 503,
  TooManyRequests: 429,
}

interface Request {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  readonly key: string
}

/** A response that replaces the right one: an error of S3, or a closed connection. */
export type Fault = 'InternalError' | 'SlowDown' | 'TooManyRequests' | 'AccessDenied' | 'hang up'

/**
 * A stand-in for S3-compatible storage, in memory. It checks signatures and checksums, lists in pages, and accepts uploads in
 * parts by the rules of S3.
 */
export class S3Double {
  readonly bucket = 'backups'
  readonly key: S3Key = { accessKeyId: 'AKIADOUBLE', secretAccessKey: 'secret/of+the=double', region: 'eu-test-1' }
  readonly objects = new Map<string, Buffer>()
  /** Uploads in parts that aren't complete. */
  readonly uploads = new Map<string, Map<number, Buffer>>()
  /** Method and query of all requests, such as `PUT partNumber,uploadId`. */
  readonly requests: string[] = []
  /** Faults of the next requests. */
  faults: Fault[] = []
  /** Returns the fault of a request. */
  findFault: (request: { method: string; key: string; query: URLSearchParams }) => Fault | undefined = () => undefined
  /** The number of bytes after which the next downloads are cut off. */
  cutDownloads: number[] = []
  pageSize = 1000
  hasConditionalWrites = true
  hasRanges = true
  readonly #server = createServer((request, response) => void this.#serve(request, response))

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  /** The environment of a client. */
  get environment(): Record<string, string> {
    const { accessKeyId, secretAccessKey, region } = this.key
    return {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: region,
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
    }
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(incoming).catch(() => undefined)
    if (body === undefined) return
    const { method = '', headers } = incoming
    const url = new URL(incoming.url ?? '', 'http://s3')
    const [bucket, ...path] = url.pathname.slice(1).split('/').map(decodeURIComponent)
    const request = { method, url, headers, body, key: path.join('/') }
    const names = [...url.searchParams.keys()].filter((name) => name !== 'x-id').sort()
    this.requests.push(`${method} ${names.join()}`.trim())
    const fault = this.faults.shift() ?? this.findFault({ method, key: request.key, query: url.searchParams })
    if (fault === 'hang up') return void incoming.socket.destroy()
    const problem =
      fault ?? findSignatureProblem(request, this.key) ?? (bucket === this.bucket ? undefined : 'NoSuchBucket')
    if (problem) return fail(response, problem)
    const missing = url.searchParams.has('list-type')
      ? this.#list(url.searchParams, response)
      : this.#onObject(request, response)
    if (missing) fail(response, missing)
  }

  /** Returns the code of an error. */
  #onObject(request: Request, response: ServerResponse): string | undefined {
    const { method, url, key } = request
    const upload = url.searchParams.get('uploadId')
    if (method === 'POST' && url.searchParams.has('uploads')) return this.#startUpload(key, response)
    if (upload !== null) return this.#onUpload(request, upload, response)
    if (method === 'PUT') return this.#put(request, response)
    if (method === 'GET') return this.#get(request, response)
    if (method === 'HEAD') return this.#head(key, response)
    if (method !== 'DELETE') return 'NotImplemented'
    this.objects.delete(key)
    response.writeHead(204).end()
    return undefined
  }

  #put({ key, headers, body }: Request, response: ServerResponse): string | undefined {
    if (headers['if-none-match'] === '*') {
      if (!this.hasConditionalWrites) return 'NotImplemented'
      if (this.objects.has(key)) return 'PreconditionFailed'
    }
    this.objects.set(key, body)
    response.writeHead(200, { etag: toEtag(body) }).end()
    return undefined
  }

  #get({ key, headers }: Request, response: ServerResponse): string | undefined {
    const object = this.objects.get(key)
    if (object === undefined) return 'NoSuchKey'
    if (headers['if-match'] !== undefined && headers['if-match'] !== toEtag(object)) return 'PreconditionFailed'
    const start = this.hasRanges ? /^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] : undefined
    const content = object.subarray(Number(start ?? 0))
    response.writeHead(start === undefined ? 200 : 206, {
      etag: toEtag(object),
      'content-length': content.length,
      ...(start !== undefined && { 'content-range': `bytes ${start}-${object.length - 1}/${object.length}` }),
    })
    const cut = this.cutDownloads.shift()
    if (cut === undefined) response.end(content)
    else response.write(content.subarray(0, cut), () => response.destroy())
    return undefined
  }

  /** A response to HEAD has no body, so only its status says what is wrong. */
  #head(key: string, response: ServerResponse): undefined {
    const object = this.objects.get(key)
    if (object === undefined) response.writeHead(404).end()
    else response.writeHead(200, { etag: toEtag(object), 'content-length': object.length }).end()
  }

  #startUpload(key: string, response: ServerResponse): undefined {
    const id = randomUUID()
    this.uploads.set(`${key}?${id}`, new Map())
    xml(response, 200, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`)
  }

  #onUpload({ method, url, key, body }: Request, id: string, response: ServerResponse): string | undefined {
    const parts = this.uploads.get(`${key}?${id}`)
    if (parts === undefined) return 'NoSuchUpload'
    if (method === 'PUT') {
      parts.set(Number(url.searchParams.get('partNumber')), body)
      response.writeHead(200, { etag: toEtag(body) }).end()
      return undefined
    }
    if (method === 'POST') {
      const listed = [...body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => part)
      const numbers = listed.map((part) => Number(/<PartNumber>(\d+)</.exec(part)?.[1]))
      const chosen = numbers.map((number) => parts.get(number) ?? Buffer.alloc(0))
      const etags = listed.map((part) => /<ETag>(.*?)</.exec(part)?.[1]?.replaceAll('&quot;', '"'))
      if (chosen.some((part, index) => toEtag(part) !== etags[index])) return 'InvalidPart'
      if (numbers.some((number, index) => number <= (numbers[index - 1] ?? 0))) return 'InvalidPartOrder'
      if (chosen.slice(0, -1).some((part) => part.length < minPartBytes)) return 'EntityTooSmall'
      this.objects.set(key, Buffer.concat(chosen))
      xml(response, 200, `<CompleteMultipartUploadResult><Key>${key}</Key></CompleteMultipartUploadResult>`)
    } else if (method === 'DELETE') response.writeHead(204).end()
    else return 'NotImplemented'
    this.uploads.delete(`${key}?${id}`)
    return undefined
  }

  #list(query: URLSearchParams, response: ServerResponse): undefined {
    const after = query.get('continuation-token') ?? ''
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(query.get('prefix') ?? '') && key > after)
      .sort()
    const page = keys.slice(0, this.pageSize)
    const isTruncated = keys.length > page.length
    const next = isTruncated ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
    const contents = page.map(
      (key) => `<Contents><Key>${key}</Key><Size>${this.objects.get(key)?.length}</Size></Contents>`,
    )
    xml(
      response,
      200,
      `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`,
    )
  }
}

const toEtag = (data: Buffer): string => `"${createHash('md5').update(data).digest('hex')}"`

function xml(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?>${body}`)
}

function fail(response: ServerResponse, code: string): void {
  xml(response, statuses[code] ?? 400, `<Error><Code>${code}</Code><Message>${code}</Message></Error>`)
}
