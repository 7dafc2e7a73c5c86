import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'
import { hashToCell } from '../../platform/src/cell-hash.ts'
import type { Log } from './log.ts'
import { localUrl, replaceFile } from './workerd-process.ts'

// Example configurations of reverse proxies in front of several cells. A request that a proxy sends to the wrong cell is
// answered too: the cell forwards its calls.

/** Paths that begin with a namespace: `/v1/db/<namespace>/…`, `/api/namespaces/<namespace>/…` and `/p/<namespace>/…`. */
const byPath = '^/(?:v1/db|api/namespaces|p)/([a-z0-9-]+)'
/** Tokens contain their namespace: `psql_live_<namespace>_…` and `psql_oauth_<namespace>_…`. */
const byToken = '^Bearer psql_[a-z]+_([a-z0-9-]+)_'

const Name = z.string().regex(/^[a-z0-9-]+$/)
const Hostname = z.object({ hostname: z.string().regex(/^[a-z0-9.-]+$/), namespace: Name })
const Routing = z.object({ namespaces: z.array(Name), hostnames: z.array(Hostname) })

/** The namespaces and the hostnames of databases that an instance has. */
export type Routing = z.infer<typeof Routing>

export interface ProxyFilesOptions {
  readonly data: string
  readonly host: string
  /** The ports of the running cells. */
  readonly ports: readonly [number, ...number[]]
  readonly secret: string
  readonly log: Log
}

const gatherMs = 1_000
const retryMs = 10_000
const timeoutMs = 10_000

/** The configurations of reverse proxies in the data folder, which follow the namespaces and hostnames. */
export class ProxyFiles {
  readonly #options: ProxyFilesOptions
  readonly #stopping = new AbortController()
  #writing: Promise<void> | undefined
  #isOutdated = false

  constructor(options: ProxyFilesOptions) {
    this.#options = options
  }

  /** Reads a line of the first cell; returns false if it isn't about namespaces or hostnames. */
  static isChange(line: string): boolean {
    return line === '{"event":"routing_changed"}'
  }

  /** Writes the files again soon. Changes that follow each other closely share one write. */
  refresh(): void {
    this.#isOutdated = true
    this.#writing ??= this.#rewrite().finally(() => {
      this.#writing = undefined
    })
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#writing
  }

  async #rewrite(): Promise<void> {
    const { signal } = this.#stopping
    for (let waitMs = gatherMs; this.#isOutdated; ) {
      await delay(waitMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      this.#isOutdated = false
      waitMs = gatherMs
      if (await this.write()) continue
      this.#isOutdated = true
      waitMs = retryMs
    }
  }

  /** Writes `run/haproxy.cfg` with `run/hostnames.map`, and `run/Caddyfile`. Returns whether that succeeded. */
  async write(): Promise<boolean> {
    try {
      await this.#writeFiles()
      return true
    } catch (cause) {
      if (this.#stopping.signal.aborted) return false
      this.#options.log('error', 'proxy_files_not_written', { reason: String(cause) })
      return false
    }
  }

  async #writeFiles(): Promise<void> {
    const { data, host, ports, secret } = this.#options
    const urls = ports.map((port) => localUrl(host, port)) as [string, ...string[]]
    const addresses = urls.map((url) => new URL(url).host)
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(timeoutMs)])
    const routing = await fetchRouting(urls[0], secret, signal)
    const map = join(data, 'run', 'hostnames.map')
    const hostnames = routing.hostnames.map(({ hostname, namespace }) => `${hostname} ${namespace}\n`).join('')
    await replaceFile(map, Buffer.from(hostnames))
    await replaceFile(join(data, 'run', 'haproxy.cfg'), Buffer.from(haproxyConfig(addresses, map)))
    await replaceFile(join(data, 'run', 'Caddyfile'), Buffer.from(caddyfile(addresses, routing)))
  }
}

async function fetchRouting(url: string, secret: string, signal: AbortSignal): Promise<Routing> {
  const headers = { authorization: `Bearer ${secret}` }
  const response = await fetch(`${url}/api/launcher/routing`, { headers, signal })
  const text = await response.text()
  if (!response.ok) throw new Error(`Couldn't list the namespaces: ${response.status} ${text}`)
  return z.object({ data: Routing }).parse(JSON.parse(text)).data
}

/**
 * Returns a configuration of HAProxy that computes the cell of a request. `addresses` are `host:port` of the cells, `map`
 * is the file with the namespace of each hostname.
 */
export function haproxyConfig(addresses: readonly string[], map: string): string {
  const servers = addresses.map((address, cell) => `\tserver cell_${cell} ${address} check`)
  return `# PerSQL writes this file at each start, and run/hostnames.map after each change of a custom hostname.
# Copy this file and adapt it: the port, TLS, limits. Reload HAProxy after changes of the map.
# The cell of a namespace is the CRC-32 of its name, modulo the number of cells.
global
	log stdout format raw local0 notice

defaults
	log global
	mode http
	option forwardfor
	timeout connect 5s
	timeout client 330s
	timeout server 330s
	timeout tunnel 1h

frontend persql
	bind :80
	http-request set-var(txn.ns) req.hdr(host),field(1,:),lower,map_str("${map}")
	http-request set-var(txn.ns) req.hdr(authorization),field(3,_) if { req.hdr(authorization) -m beg "Bearer psql_" }
	http-request set-var(txn.ns) path,field(3,/) if { path_beg /p/ }
	http-request set-var(txn.ns) path,field(4,/) if { path_beg /v1/db/ /api/namespaces/ }
	http-request set-var(txn.cell) var(txn.ns),crc32,mod(${addresses.length}) if { var(txn.ns) -m found }
	use_backend cell_%[var(txn.cell)] if { var(txn.cell) -m found }
	default_backend cells

# Requests without a namespace, such as pages and sign-ins.
backend cells
	balance leastconn
	option httpchk GET /healthz
${servers.join('\n')}

${addresses.map((address, cell) => `backend cell_${cell}\n\tserver cell_${cell} ${address}`).join('\n\n')}
`
}

/**
 * Returns a configuration of Caddy, which can't compute a hash: it lists the cell of each namespace.
 */
export function caddyfile(addresses: readonly string[], { namespaces, hostnames }: Routing): string {
  const hosts = hostnames.map(({ hostname, namespace }) => `\t\t\t${hostname} ${namespace}`)
  const cells = namespaces.map((name) => `\t\t\t${name} ${hashToCell(name, addresses.length)}`)
  const routes = addresses.map(
    (address, cell) => `\t\t@cell_${cell} vars {cell} ${cell}\n\t\treverse_proxy @cell_${cell} ${address}`,
  )
  return `# PerSQL writes this file at each start and after each change of a namespace or custom hostname.
# Copy it and adapt it: the hostname, TLS, limits.
:80 {
	@token header_regexp ns Authorization "${byToken}"
	@path path_regexp ns ${byPath}
	route {
		map {host} {hosted} {
${[...hosts, '\t\t\tdefault none'].join('\n')}
		}
		vars ns {hosted}
		vars @token ns {re.ns.1}
		vars @path ns {re.ns.1}
		map {vars.ns} {cell} {
${[...cells, '\t\t\tdefault any'].join('\n')}
		}
${routes.join('\n')}
		# Requests without a namespace, such as pages and sign-ins, and new namespaces and hostnames.
		reverse_proxy ${addresses.join(' ')} {
			lb_policy round_robin
			health_uri /healthz
		}
	}
}
`
}
