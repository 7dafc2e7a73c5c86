import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { HashQueue, QueueFullError } from './hash-queue.ts'
import { deriveKey, estimateCost, parseKeyRequest } from './key-request.ts'

interface Answer {
  readonly status: number
  readonly body: object
}

/** The largest request: a password can be as long as the body of an endpoint's call, 1 MB. */
const maxBodyBytes = 2 * 1024 * 1024
const idleConnectionMs = 60_000

/**
 * Creates the server that derives keys from passwords. `POST` with a `KeyRequest` in JSON and the bearer `key` returns
 * `{ key }` in base64, or 429 if too many requests are waiting. A caller that disconnects leaves the queue. `GET` returns
 * the state of the queue.
 */
export function createHashServer(key: string, slots: number): Server {
  const queue = new HashQueue(slots)
  const server = createServer((request, response) => {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    answer(request, key, queue, gone.signal).then(
      ({ status, body }) =>
        response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body)),
      () => response.destroy(),
    )
  })
  server.keepAliveTimeout = idleConnectionMs
  return server
}

/** @throws the reason of the signal, or the failure of the connection */
async function answer(request: IncomingMessage, key: string, queue: HashQueue, gone: AbortSignal): Promise<Answer> {
  if (!isEqual(request.headers.authorization ?? '', `Bearer ${key}`))
    return { status: 401, body: { error: 'Missing or wrong key.' } }
  if (request.method === 'GET') return { status: 200, body: queue.state }
  const text = await readBody(request)
  const wanted = text === undefined ? undefined : parseKeyRequest(text)
  if (!wanted) return { status: 400, body: { error: 'Invalid request.' } }
  try {
    const turn = { lane: wanted.lane, source: wanted.source, cost: estimateCost(wanted) }
    const derived = await queue.run(turn, () => deriveKey(wanted), gone)
    return { status: 200, body: { key: derived.toString('base64') } }
  } catch (cause) {
    if (cause instanceof QueueFullError) return { status: 429, body: { error: cause.message } }
    throw cause
  }
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBodyBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function isEqual(a: string, b: string): boolean {
  const [first, second] = [a, b].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer]
  return timingSafeEqual(first, second)
}
