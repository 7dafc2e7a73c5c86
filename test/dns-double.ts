import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A stand-in for a resolver of DNS over HTTPS, with the TXT records of a test. */
export class DnsDouble {
  /** Values by name, in zone file format. Other names don't exist. */
  readonly records = new Map<string, string[]>()
  /** Problems of invalid requests. */
  readonly complaints: string[] = []
  /** `fail` responds with SERVFAIL. */
  mood: 'well' | 'fail' | 'error' | 'hang up' | 'silence' = 'well'
  /** Called with each query before the response. */
  asked: (name: string) => Promise<void> | void = () => {}
  readonly #server = createServer((request, response) => void this.#answer(request, response))

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  get environment(): { DNS_RESOLVER_URL: string } {
    return { DNS_RESOLVER_URL: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/dns-query` }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://dns')
    const name = searchParams.get('name') ?? ''
    if (pathname !== '/dns-query' || searchParams.get('type') !== 'TXT') this.complaints.push(request.url ?? '')
    if (request.headers.accept !== 'application/dns-json') this.complaints.push(`accept: ${request.headers.accept}`)
    await this.asked(name)
    if (this.mood === 'silence') return
    if (this.mood === 'hang up') return void request.socket.destroy()
    if (this.mood === 'error') return void response.writeHead(500).end('down')
    const values = this.records.get(name)
    const answer =
      this.mood === 'fail'
        ? { Status: 2 }
        : {
            Status: values ? 0 : 3,
            Question: [{ name, type: 16 }],
            Answer: values?.map((data) => ({ name, type: 16, TTL: 300, data })),
          }
    response.writeHead(200, { 'Content-Type': 'application/dns-json' }).end(JSON.stringify(answer))
  }
}
