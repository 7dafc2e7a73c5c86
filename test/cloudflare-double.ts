import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const token = 'cf-token-double'
const zone = '0123456789abcdef0123456789abcdef'

interface CustomHostname {
  id: string
  hostname: string
  status: string
  ssl: { status: string; method: string; type: string; validation_errors?: { message: string }[] }
  verification_errors?: string[]
}

/** A stand-in for the custom hostnames of Cloudflare's API. */
export class CloudflareDouble {
  readonly hostnames: CustomHostname[] = []
  /** Problems of invalid requests. */
  readonly complaints: string[] = []
  /** `cut off` processes the request and sends no response. */
  mood: 'well' | 'fail' | 'cut off' = 'well'
  /** Called with each request before it is processed. */
  asked: (method: string) => Promise<void> | void = () => {}
  #made = 0
  readonly #server = createServer((request, response) => void this.#answer(request, response))

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  get environment() {
    const { port } = this.#server.address() as AddressInfo
    return {
      CLOUDFLARE_API_TOKEN: token,
      CLOUDFLARE_ZONE_ID: zone,
      CLOUDFLARE_API_URL: `http://127.0.0.1:${port}/client/v4`,
    }
  }

  /** Returns all entries of a hostname; more than one is an error. */
  of(hostname: string): CustomHostname[] {
    return this.hostnames.filter((known) => known.hostname === hostname)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method = '' } = request
    await this.asked(method)
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://cloudflare')
    const base = `/client/v4/zones/${zone}/custom_hostnames`
    const answer = (status: number, result: unknown) =>
      response
        .writeHead(status, { 'Content-Type': 'application/json' })
        .end(JSON.stringify({ success: status === 200, errors: [], messages: [], result }))
    if (request.headers.authorization !== `Bearer ${token}` || !pathname.startsWith(base)) {
      this.complaints.push(`${method} ${pathname}`)
      return void answer(403, null)
    }
    if (this.mood === 'fail') return void answer(500, null)
    if (method === 'GET') {
      const asked = searchParams.get('hostname') ?? ''
      return void answer(
        200,
        this.hostnames.filter(({ hostname }) => hostname.includes(asked)),
      )
    }
    if (method === 'DELETE') {
      const at = this.hostnames.findIndex(({ id }) => pathname === `${base}/${id}`)
      if (at >= 0) this.hostnames.splice(at, 1)
      return void answer(at >= 0 ? 200 : 404, null)
    }
    const made = this.#make(JSON.parse(body))
    if (!made) return void answer(409, null)
    if (this.mood === 'cut off') return void request.socket.destroy()
    answer(200, made)
  }

  #make({ hostname, ssl, ...more }: { hostname: string; ssl: { method: string; type: string } }) {
    if (ssl.method !== 'http' || ssl.type !== 'dv' || Object.keys(more).length > 0) this.complaints.push('POST')
    if (this.of(hostname).length > 0) return undefined
    const made = { id: `ch_${++this.#made}`, hostname, status: 'pending', ssl: { ...ssl, status: 'initializing' } }
    this.hostnames.push(made)
    return made
  }
}
