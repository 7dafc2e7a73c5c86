import { DurableObject } from 'cloudflare:workers'
import { READ_HEADER, type SentRead } from './database/reads/protocol.ts'
import { type ReadOutcome, runRead } from './database/reads/run-read.ts'

interface ReaderEnv {
  readonly DATABASES: DurableObjectNamespace
  /** Identifies this process. */
  readonly READER_RUN: string
}

/** The calls of the object below. */
interface ReadCalls {
  read(request: string): Promise<ReadOutcome>
  close(): Promise<void>
}

/** The file of a database, opened for one read. The class has the name of the class whose files it reads. */
export class Database extends DurableObject {
  read(request: string): ReadOutcome {
    return runRead(this.ctx.storage, JSON.parse(request) as SentRead)
  }

  /** Closes the file. */
  close(): void {
    this.ctx.abort('closed')
  }
}

/** The results that callers have not received yet: per namespace and in total, in bytes. */
const open = new Map<string, number>()
const MAX_OPEN_BYTES = 128 * 1024 * 1024
/** Smaller results are not counted. */
const SMALL_BYTES = 256 * 1024
const CHUNK_BYTES = 64 * 1024
/** The time after which a caller that receives nothing loses the rest of its result. */
const STALLED_MS = 30_000
/** The time after which a caller that receives slowly loses the rest. */
const MAX_SEND_MS = 300_000

/**
 * Runs reads, one at a time, for the process that serves the databases. It is reached through a socket of the data
 * folder. GET returns whether a namespace can read now.
 */
export default {
  async fetch(request, env, ctx) {
    if (request.method !== 'POST') {
      const namespace = new URL(request.url).pathname.slice(1)
      return new Response(env.READER_RUN, { status: isFull(namespace) ? 503 : 200 })
    }
    const text = await request.text()
    const { name } = JSON.parse(text) as SentRead
    const object = env.DATABASES.getByName(name) as unknown as ReadCalls
    let outcome: ReadOutcome
    try {
      outcome = await object.read(text)
    } finally {
      // The owner of the file can delete it after the response, and no process can have it open then.
      await object.close().catch(() => {})
    }
    const headers = { [READ_HEADER]: encodeURIComponent(JSON.stringify(outcome.head)) }
    const bytes = new TextEncoder().encode(outcome.results)
    if (bytes.length < SMALL_BYTES) return new Response(bytes, { headers })
    const { readable, writable } = new FixedLengthStream(bytes.length)
    ctx.waitUntil(send(bytes, writable, name.split('/')[0] as string))
    return new Response(readable, { headers })
  },
} satisfies ExportedHandler<ReaderEnv>

function isFull(namespace: string): boolean {
  let total = 0
  for (const bytes of open.values()) total += bytes
  return open.has(namespace) || total > MAX_OPEN_BYTES
}

/** Sends a large result in pieces, as fast as the caller receives it. */
async function send(bytes: Uint8Array, writable: WritableStream<Uint8Array>, namespace: string): Promise<void> {
  open.set(namespace, (open.get(namespace) ?? 0) + bytes.length)
  const writer = writable.getWriter()
  const untilMs = Date.now() + MAX_SEND_MS
  try {
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      const sent = writer.write(bytes.subarray(at, at + CHUNK_BYTES)).then(() => true)
      if (!(await Promise.race([sent, scheduler.wait(STALLED_MS).then(() => false)]))) throw new Error('stalled')
      if (Date.now() > untilMs) throw new Error('slow')
    }
    await writer.close()
  } catch (cause) {
    await writer.abort(cause).catch(() => {})
  } finally {
    const left = (open.get(namespace) ?? 0) - bytes.length
    if (left > 0) open.set(namespace, left)
    else open.delete(namespace)
  }
}
