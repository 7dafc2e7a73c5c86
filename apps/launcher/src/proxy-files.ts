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

const Namespaces = z.object({ data: z.array(z.string().regex(/^[a-z0-9-]+$/)) })

export interface ProxyFilesOptions {
  readonly data: string
  readonly host: string
  /** The ports of the running cells. */
  readonly ports: readonly [number, ...number[]]
  readonly secret: string
}

/** Writes `run/haproxy.cfg` and `run/Caddyfile`. */
export async function writeProxyFiles({ data, host, ports, secret }: ProxyFilesOptions): Promise<void> {
  const urls = ports.map((port) => localUrl(host, port))
  const addresses = urls.map((url) => new URL(url).host)
  const namespaces = ports.map((): string[] => [])
  for (const name of await listNamespaces(urls[0] as string, secret))
    namespaces[hashToCell(name, ports.length)]?.push(name)
  await writeFile(join(data, 'run', 'haproxy.cfg'), haproxyConfig(addresses))
  await writeFile(join(data, 'run', 'Caddyfile'), caddyfile(addresses, namespaces))
}

async function listNamespaces(url: string, secret: string): Promise<string[]> {
  const response = await fetch(`${url}/api/launcher/namespaces`, { headers: { authorization: `Bearer ${secret}` } })
  const text = await response.text()
  if (!response.ok) throw new Error(`Couldn't list the namespaces: ${response.status} ${text}`)
  return Namespaces.parse(JSON.parse(text)).data
}

/**
 * Returns a configuration of HAProxy that computes the cell of a request. `addresses` are `host:port` of the cells.
 */
export function haproxyConfig(addresses: readonly string[]): string {
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
 * Returns a configuration of Caddy, which can't compute a hash: it lists the namespaces of each cell. Namespaces that
 * are created later are missing until the next start.
 */
export function caddyfile(addresses: readonly string[], namespaces: readonly (readonly string[])[]): string {
  const lines = namespaces.flatMap((names, cell) => names.map((name) => `\t\t\t${name} ${cell}`))
  const routes = addresses.map(
    (address, cell) => `\t\t@cell_${cell} vars {cell} ${cell}\n\t\treverse_proxy @cell_${cell} ${address}`,
  )
  return `# PerSQL writes this file at each start. Copy it and adapt it: the hostname, TLS, limits.
:80 {
	@token header_regexp ns Authorization "${byToken}"
	@path path_regexp ns ${byPath}
	route {
		vars @token ns {re.ns.1}
		vars @path ns {re.ns.1}
		map {vars.ns} {cell} {
${[...lines, '\t\t\tdefault any'].join('\n')}
		}
${routes.join('\n')}
		# Requests without a namespace, such as pages and sign-ins, and new namespaces.
		reverse_proxy ${addresses.join(' ')} {
			lb_policy round_robin
			health_uri /healthz
		}
	}
}
`
}
