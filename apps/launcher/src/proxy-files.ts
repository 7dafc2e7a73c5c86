import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { hashToCell } from '../../platform/src/cell-hash.ts'
import { localUrl } from './workerd-process.ts'

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
}

/** Writes `run/haproxy.cfg` with `run/hostnames.map`, and `run/Caddyfile`. */
export async function writeProxyFiles({ data, host, ports, secret }: ProxyFilesOptions): Promise<void> {
  const urls = ports.map((port) => localUrl(host, port)) as [string, ...string[]]
  const addresses = urls.map((url) => new URL(url).host)
  const routing = await fetchRouting(urls[0], secret)
  const map = join(data, 'run', 'hostnames.map')
  await writeFile(map, routing.hostnames.map(({ hostname, namespace }) => `${hostname} ${namespace}\n`).join(''))
  await writeFile(join(data, 'run', 'haproxy.cfg'), haproxyConfig(addresses, map))
  await writeFile(join(data, 'run', 'Caddyfile'), caddyfile(addresses, routing))
}

async function fetchRouting(url: string, secret: string): Promise<Routing> {
  const response = await fetch(`${url}/api/launcher/routing`, { headers: { authorization: `Bearer ${secret}` } })
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
  return `# PerSQL writes this file at each start. Copy it and adapt it: the port, TLS, limits.
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
 * Returns a configuration of Caddy, which can't compute a hash: it lists the cell of each namespace. Namespaces that
 * are created later are missing until the next start.
 */
export function caddyfile(addresses: readonly string[], { namespaces, hostnames }: Routing): string {
  const hosts = hostnames.map(({ hostname, namespace }) => `\t\t\t${hostname} ${namespace}`)
  const cells = namespaces.map((name) => `\t\t\t${name} ${hashToCell(name, addresses.length)}`)
  const routes = addresses.map(
    (address, cell) => `\t\t@cell_${cell} vars {cell} ${cell}\n\t\treverse_proxy @cell_${cell} ${address}`,
  )
  return `# PerSQL writes this file at each start. Copy it and adapt it: the hostname, TLS, limits.
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
