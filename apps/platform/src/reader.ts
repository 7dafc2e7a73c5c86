import { DurableObject } from 'cloudflare:workers'
import type { SentRead } from './database/reads/protocol.ts'
import { runRead } from './database/reads/run-read.ts'

interface ReaderEnv {
  readonly DATABASES: DurableObjectNamespace
  /** Identifies this process. */
  readonly READER_RUN: string
}

/** The file of a database, opened for one read. It has the name of the class whose files it reads. */
export class Database extends DurableObject {
  read(request: string): string {
    return runRead(this.ctx.storage, JSON.parse(request) as SentRead)
  }

  /** Closes the file. */
  close(): void {
    this.ctx.abort('closed')
  }
}

/** Runs reads, one at a time, for the process that serves the databases. It is reached through a socket of the data folder. */
export default {
  async fetch(request, env) {
    if (request.method !== 'POST') return new Response(env.READER_RUN)
    const text = await request.text()
    const { name } = JSON.parse(text) as SentRead
    const object = env.DATABASES.getByName(name) as unknown as {
      read(request: string): Promise<string>
      close(): Promise<void>
    }
    try {
      return new Response(await object.read(text))
    } finally {
      // The owner of the file can delete it after the response, and no process can have it open then.
      await object.close().catch(() => {})
    }
  },
} satisfies ExportedHandler<ReaderEnv>
