import { DurableObject } from 'cloudflare:workers'
import { FILE_HEADER, READ_HEADER, type SentRead, STORE_HEADER } from './database/reads/protocol.ts'
import { type ReadOutcome, runRead } from './database/reads/run-read.ts'

interface ReaderEnv {
  readonly DATABASES: DurableObjectNamespace
  /** The folder of this process for large results. */
  readonly RESULTS: Fetcher
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

/** Larger results are left in a file, so that this process is free for the next read, and can be ended. */
const SMALL_BYTES = 256 * 1024

/**
 * Runs reads, one at a time, for the process that serves the databases. It is reached through a socket of the data
 * folder. GET returns the identifier of this process.
 */
export default {
  async fetch(request, env) {
    if (request.method !== 'POST') return new Response(env.READER_RUN)
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
    const headers = new Headers({ [READ_HEADER]: encodeURIComponent(JSON.stringify(outcome.head)) })
    const bytes = new TextEncoder().encode(outcome.results)
    const isStored = bytes.length >= SMALL_BYTES && request.headers.has(STORE_HEADER)
    const file = isStored ? await store(bytes, env.RESULTS) : undefined
    if (file === undefined) return new Response(bytes, { headers })
    headers.set(FILE_HEADER, file)
    return new Response(null, { headers })
  },
} satisfies ExportedHandler<ReaderEnv>

/** Stores a result in a file. Returns its name, or `undefined` if the disk has no room. */
async function store(bytes: Uint8Array, results: Fetcher): Promise<string | undefined> {
  const name = crypto.randomUUID()
  const url = `http://results/${name}`
  try {
    const { ok } = await results.fetch(url, { method: 'PUT', body: bytes })
    if (ok) return name
  } catch {
    // The caller gets the result with the response.
  }
  await results.fetch(url, { method: 'DELETE' }).catch(() => {})
  return undefined
}
