import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { type Latencies, summary } from './latencies.ts'
import { ResponseReader } from './response-reader.ts'

/** A request as sent, and a text that its response body must contain. */
export interface WireRequest {
  text: string
  expect: string
}

export interface Job {
  port: number
  connections: number
  /** Requests in turn; each connection starts at another one. */
  requests: WireRequest[]
  durationMs: number
  /** Maximum number of requests, after which the run ends early. */
  maxRequests: number
}

export interface LoadResult extends Latencies {
  requests: number
  /** Requests per second. */
  throughput: number
}

const bufferBytes = 256 * 1024
/** Interval of body checks; the status of every response is checked. */
const sampleEvery = 16

/**
 * Runs a job: each connection sends its next request after the response to the last one. Rejects at the first wrong
 * response.
 */
export async function closedLoop(job: Job): Promise<LoadResult> {
  const requests = job.requests.map(({ text, expect }) => ({ bytes: Buffer.from(text), expect: Buffer.from(expect) }))
  const samples = new Float64Array(job.maxRequests)
  let sent = 0
  let done = 0
  const startedAt = performance.now()
  const endsAt = startedAt + job.durationMs

  const one = (index: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const reader = new ResponseReader()
      let next = Math.floor((index * requests.length) / job.connections)
      let sentAt = 0
      const socket: Socket = connect({
        host: '127.0.0.1',
        port: job.port,
        noDelay: true,
        onread: { buffer: Buffer.allocUnsafe(bufferBytes), callback: (size, buffer) => read(buffer.subarray(0, size)) },
      })
      const send = (): void => {
        const request = requests[next % requests.length]
        if (request === undefined || sent >= job.maxRequests || performance.now() >= endsAt) {
          socket.destroy()
          resolve()
          return
        }
        sent++
        sentAt = performance.now()
        socket.write(request.bytes)
      }
      const read = (bytes: Uint8Array): boolean => {
        const response = reader.push(bytes as Buffer)
        if (response === undefined) return true
        samples[done++] = performance.now() - sentAt
        const expected = requests[next++ % requests.length]?.expect ?? ''
        const wrong = response.status !== 200 || (done % sampleEvery === 0 && !response.body.includes(expected))
        if (!wrong) send()
        else socket.destroy(new Error(`${response.status} ${response.body.toString('utf8', 0, 300)}`))
        return true
      }
      socket.on('connect', send).on('error', reject)
      socket.on('end', () => reject(new Error('The server closed the connection.')))
    })

  await Promise.all(Array.from({ length: job.connections }, (_, index) => one(index)))
  const seconds = (performance.now() - startedAt) / 1000
  return { requests: done, throughput: done / seconds, ...summary(samples, done) }
}
